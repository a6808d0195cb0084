// What a start reads beside the weights: brought to where a layer of cold wants it, looked at
// before launch and at ready.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "measure/rest_evidence.h"
#include "measure/schedule.h"
#include "measure/watcher.h"
#include "records/start_set.h"
#include "start_set/many_files.h"
#include "start_set/start_set.h"
#include "storage/page_cache.h"

namespace coldload::measure {

// Of one trial. None of its functions throws for a file system that hangs or a file that cannot be
// read: the evidence tells.
class RestState {
 public:
  // `set` outlives this.
  RestState(const start_set::StartSet& set, TrialKind kind);

  // Evicts it where the layer wants it cold, else reads what of it is not in memory.
  void bring(ExperimentWatcher& watcher);
  // Immediately before launch.
  void look_before();
  // At ready.
  void look_after();

  // As far as it is known here.
  [[nodiscard]] RestEvidence evidence() const;
  // By group and file system, the weights and the rest of the checkpoint not among them.
  [[nodiscard]] records::StartSetFacts facts() const;
  [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  void attempt(const char* what, const std::function<void()>& step);
  void tell_held_apart();
  void evict_again();
  void remark_on_unseen();
  [[nodiscard]] std::vector<std::size_t> leftovers() const;
  [[nodiscard]] std::optional<std::uint64_t> came_bytes(std::size_t file) const;

  const start_set::StartSet& set_;
  TrialKind kind_;
  std::vector<std::size_t> files_;  // of the set: those that are no part of the checkpoint
  std::vector<std::string> paths_;  // theirs
  std::vector<start_set::FileState> before_;
  std::vector<start_set::FileState> after_;
  // By file: what stays of it as others map it; nothing where it was not to go.
  std::vector<std::optional<std::uint64_t>> held_;
  std::vector<std::string> held_by_;
  std::vector<std::string> remarks_;
  std::string problem_;
};

}  // namespace coldload::measure
