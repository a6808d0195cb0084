// The experiment: all trials of one comparison, in order, each one recorded before the next.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <string>
#include <vector>

#include "gpu/nvml.h"
#include "measure/arms.h"
#include "measure/plan.h"
#include "measure/watcher.h"
#include "records/record.h"
#include "records/results.h"

namespace coldload::measure {

struct ExperimentResult {
  std::vector<records::Record> records;  // as appended
  bool failed = false;                   // a trial failed or timed out
  bool not_cold = false;                 // a trial that should be cold is not verifiably so
  bool interrupted = false;
  std::string logs;             // their folder below the out directory, empty without any
  std::string stopped_because;  // why it ended early, empty if it did not
};

// Runs the schedule of `plan` over the arms that are there (placeholders are left out). Every
// finished trial goes to `sink` before the next one starts. The logs go below
// `plan.out_directory`. Throws os::Error where the experiment cannot go on; rows so far are kept.
[[nodiscard]] ExperimentResult run_experiment(const Plan& plan, Arms& arms, const gpu::Nvml& nvml,
                                              records::Results& sink, ExperimentWatcher& watcher);

}  // namespace coldload::measure
