// One trial: evict, launch, observe, ready, stop, judge.
//
// Layer: measure.
#pragma once

#include <string>
#include <vector>

#include "gpu/nvml.h"
#include "measure/arm.h"
#include "measure/cold.h"
#include "measure/plan.h"
#include "measure/schedule.h"
#include "measure/target.h"
#include "records/record.h"

namespace coldload::measure {

// What a person sees of a trial under way.
class TrialWatcher {
 public:
  TrialWatcher() = default;
  TrialWatcher(const TrialWatcher&) = delete;
  TrialWatcher& operator=(const TrialWatcher&) = delete;
  virtual ~TrialWatcher() = default;
  // `step`: "evict", "load", "stop", ...; `bytes` so far, 0 if there is nothing to count.
  virtual void step(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) = 0;
};

struct TrialInput {
  const Plan& plan;
  const Arm& arm;
  Slot slot;
  std::set<pid_t> ignored_processes;  // the stand-ins' servers
  std::string log_path;
  std::string log_name;  // the same, relative to the out directory
};

struct TrialResult {
  records::Record record;  // arm, path, evidence, verdict and times; not the experiment's part
  bool interrupted = false;
  // What the target left behind (processes, its port, GPU memory), in words: nothing may follow.
  std::vector<std::string> left_behind;
};

// Runs one trial. A target that fails is a result, not an error. Throws os::Error where the trial
// could not be made at all (a hook failed, a file vanished).
[[nodiscard]] TrialResult run_trial(const TrialInput& input, Target& target, const gpu::Nvml& nvml,
                                    TrialWatcher& watcher);

// The CSV's storage_mode of such a trial: "net", "net_warm"; of a staged arm "staged",
// "staged_warm" straight after the copy, "staged_hot" with the checkpoint resident.
[[nodiscard]] std::string storage_mode_of(const Arm& arm, TrialKind kind);

// Runs one of the user's hooks; os::Error names it when it fails.
void run_hook(const std::string& name, const std::string& command, const Arm& arm);

}  // namespace coldload::measure
