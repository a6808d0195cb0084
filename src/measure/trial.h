// One trial: evict, launch, observe, ready, stop, judge.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "gpu/nvml.h"
#include "measure/cold.h"
#include "measure/gpu_memory.h"
#include "measure/log_folder.h"
#include "measure/plan.h"
#include "measure/read_set.h"
#include "measure/start_line.h"
#include "measure/subject.h"
#include "measure/watcher.h"
#include "os/clock.h"
#include "records/record.h"
#include "start_set/start_set.h"

namespace coldload::measure {

struct TrialInput {
  const Plan& plan;
  Subject subject;
  // See Observation: the stand-ins' servers, and who measures other servers of this machine that
  // have these files in the same page cache.
  std::set<pid_t> ignored_processes;
  LogFolder::Log log;
  StartLine* start_line = nullptr;  // of several nodes; null: it is launched alone
  GpusServe gpus = GpusServe::one_target;
};

struct TrialResult {
  records::Record record;  // arm, path, evidence, verdict and times; not the experiment's part
  ReadSet weights;         // which of the arm's candidates they were, where that was seen
  std::optional<start_set::StartSet> start_set;  // of a discarded launch that is to tell it
  std::optional<std::uint64_t> rest_came_bytes;  // of a deeper layer's trial that was verified
  std::optional<os::TimePoint> looked_at;        // at what was in memory, for the last time
  std::optional<os::TimePoint> launched_at;      // nothing: it was not
  ColdEvidence evidence;     // what the verdict goes by, of a target that was launched
  bool interrupted = false;  // what is in `record` then says when
  // What the target left behind (processes, its port, GPU memory), in words: nothing may follow.
  std::vector<std::string> left_behind;
};

// Runs one trial. A target that fails is a result, not an error. Throws os::Error where the trial
// could not be made at all (a hook failed, a file vanished).
[[nodiscard]] TrialResult run_trial(const TrialInput& input, const gpu::Nvml& nvml,
                                    ExperimentWatcher& watcher);

}  // namespace coldload::measure
