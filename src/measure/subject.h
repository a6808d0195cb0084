// What a trial is of: its arm, the target that loads it, how warm it starts; and the label of its
// rows, which these make.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "measure/arm.h"
#include "measure/plan.h"
#include "measure/schedule.h"
#include "measure/target.h"
#include "os/fd.h"

namespace coldload::measure {

// The label of the arm of --stage.
inline constexpr std::string_view k_staged_label = "staged";

// The label of the arm that --prefetch makes of another one.
[[nodiscard]] std::string prefetch_label(std::string_view label);

// The label of a path's arm that is started in that way.
[[nodiscard]] std::string label_of(const std::string& path_label, const StartRequest& start);

// The labels of all arms that `plan` will have: the paths', then what is made of them.
[[nodiscard]] std::vector<std::string> labels_of(const Plan& plan);

// The end of `label` that coldload's own rows use; empty where there is none.
[[nodiscard]] std::string_view own_suffix_of(std::string_view label);
// Whether that is one of a deeper layer of cold: where none is measured, it is anybody's.
[[nodiscard]] bool is_of_deeper_layer(std::string_view own_suffix);

struct Subject {
  const Arm& arm;
  Target& target;
  TrialKind kind = TrialKind::cold;
  std::uint64_t block = 0;  // from 1 within its kind

  // The CSV's storage_mode: "net", "net_warm"; of a staged arm "staged", "staged_after_copy"
  // straight after the copy was made, "staged_hot" with the checkpoint resident. Deeper layers of
  // cold: "net_node", "net_first".
  [[nodiscard]] std::string storage_mode() const;
  // The same; of a discarded launch "net_warmup".
  [[nodiscard]] std::string trial_name() const;
  // Whether its checkpoint is brought out of memory: what is memory itself cannot be.
  [[nodiscard]] bool is_evicted(ColdPolicy policy) const;
  [[nodiscard]] LaunchRequest launch_request(std::shared_ptr<const os::Fd> log) const;
};

}  // namespace coldload::measure
