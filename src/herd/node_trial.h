// One rank's part in a trial: it launches with the others, or idles and shows that it read nothing.
//
// Layer: herd. Knows nothing of what the other nodes found.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/describe/class.hpp>
#include <sys/types.h>

#include "gpu/nvml.h"
#include "herd/schedule.h"
#include "herd/start_line.h"
#include "herd/warnings.h"
#include "measure/arms.h"
#include "measure/cold_together.h"
#include "measure/gpu_memory.h"
#include "measure/log_folder.h"
#include "measure/plan.h"
#include "measure/schedule.h"

namespace coldload::herd {

// What a server of a node with several of them tells of its start: it is judged with the others.
struct ServerEvidence {
  measure::ColdEvidence cold;    // but for the standstill
  std::uint64_t stopped_ns = 0;  // os::Standstill's
  std::uint64_t suspended_ns = 0;
  std::uint64_t looked_ns = 0;  // for the last time before its launch, on the first rank's clock
};
BOOST_DESCRIBE_STRUCT(ServerEvidence, (), (cold, stopped_ns, suspended_ns, looked_ns))

// What it tells the first rank.
struct NodeResult {
  std::string record;                        // as a JSON line; empty: it idled, or could not begin
  std::string problem;                       // why it could not; empty: it could
  std::optional<std::uint64_t> launched_ns;  // on the first rank's clock
  std::uint64_t clock_error_ns = 0;
  std::optional<ServerEvidence> evidence;  // of one that launched beside others of its node
  // Of one that idled: what of the checkpoint came into its memory; nothing: it cannot be seen.
  std::optional<std::uint64_t> came_bytes;
  std::vector<std::string> left_behind;  // measure::TrialResult's
  std::vector<std::string> warnings;
  bool interrupted = false;
};
BOOST_DESCRIBE_STRUCT(NodeResult, (),
                      (record, problem, launched_ns, clock_error_ns, evidence, came_bytes,
                       left_behind, warnings, interrupted))

class NodeTrials {
 public:
  // What these point to outlives it. `watcher`: of the arms, as well. `gpus`: whether other ranks
  // use this one's, too. `siblings`: the processes of the other ranks on its node. `experiment`:
  // its id.
  NodeTrials(const measure::Plan& plan, measure::Arms* arms, Warnings* watcher,
             const gpu::Nvml& nvml, measure::GpusServe gpus, std::set<pid_t> siblings,
             std::string experiment, measure::LogFolder logs)
      : plan_(plan),
        arms_(*arms),
        watcher_(*watcher),
        nvml_(nvml),
        gpus_(gpus),
        siblings_(std::move(siblings)),
        experiment_(std::move(experiment)),
        logs_(std::move(logs)) {}

  // Throw OutOfStep; whatever else goes wrong is in the result.
  // A discarded launch, of all ranks at once: nobody counts GPU memory while another still starts.
  [[nodiscard]] NodeResult warm_up(std::uint64_t position, RankStartLine* line);
  [[nodiscard]] NodeResult launch(std::uint64_t position, const HerdSlot& slot,
                                  RankStartLine* line);
  [[nodiscard]] NodeResult idle(RankStartLine* line);
  // Runs the user's line for the file server; what keeps it from that is in the result.
  [[nodiscard]] NodeResult prepare_server(const std::string& line);

  [[nodiscard]] std::string logs() const { return logs_.name(); }

 private:
  [[nodiscard]] NodeResult run(const measure::Slot& slot, std::uint64_t position,
                               const std::string& mode, measure::GpusServe gpus,
                               RankStartLine* line);
  [[nodiscard]] NodeResult watch_idle(RankStartLine* line) const;

  const measure::Plan& plan_;
  measure::Arms& arms_;
  Warnings& watcher_;
  const gpu::Nvml& nvml_;
  const measure::GpusServe gpus_;
  const std::set<pid_t> siblings_;
  const std::string experiment_;
  measure::LogFolder logs_;
};

}  // namespace coldload::herd
