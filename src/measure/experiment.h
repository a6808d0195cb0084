// The experiment: all trials of one comparison, in order, each one recorded before the next.
//
// Layer: measure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/nvml.h"
#include "measure/arm.h"
#include "measure/plan.h"
#include "measure/target.h"
#include "measure/trial.h"
#include "records/record.h"

namespace coldload::measure {

// What a person sees of the experiment. Called from the driver's thread only.
class ExperimentWatcher : public TrialWatcher {
 public:
  virtual void trial_begins(const Slot& slot, const Arm& arm, std::uint64_t position,
                            std::uint64_t total) = 0;
  // Warm-ups are not recorded: `record` has no run_id then.
  virtual void trial_ended(const Slot& slot, const records::Record& record) = 0;
  virtual void warning(const std::string& text) = 0;
};

struct ExperimentResult {
  std::vector<records::Record> records;  // as appended
  bool failed = false;                   // a trial failed or timed out
  bool not_cold = false;                 // a trial that should be cold is not verifiably so
  bool interrupted = false;
  std::string stopped_because;  // why it ended early, empty if it did not
};

// What is the same for every record, gathered before the first trial.
[[nodiscard]] records::ExperimentFacts gather_facts(const Plan& plan, const std::vector<Arm>& arms,
                                                    const Target& target, const gpu::Nvml& nvml);

// Runs the schedule of `plan` over the arms that are there (placeholders are left out). Every
// finished trial goes to `sink` before the next one starts. The logs go below
// `plan.out_directory`. Throws os::Error where the experiment cannot go on; rows so far are kept.
[[nodiscard]] ExperimentResult run_experiment(const Plan& plan, std::vector<Arm>& arms,
                                              Target& target, const gpu::Nvml& nvml,
                                              records::RecordSink& sink,
                                              ExperimentWatcher& watcher);

}  // namespace coldload::measure
