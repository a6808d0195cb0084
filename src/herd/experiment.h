// The experiment over many nodes: each trial by some of them at once, recorded by the first rank
// before the next one.
//
// Layer: herd. Knows nothing of how records are shown.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "herd/node_trial.h"
#include "herd/ranks.h"
#include "herd/schedule.h"
#include "measure/experiment.h"
#include "measure/plan.h"
#include "records/record.h"
#include "records/results.h"

namespace coldload::herd {

// What the first rank alone has.
struct Recorder {
  records::Results& results;
  records::ExperimentFacts facts;
  std::string model;               // its name
  std::vector<std::string> hosts;  // by rank
  std::string prepare_server;      // shell line before each trial; empty: none
  std::function<void(const std::string& text)> warn;
  // A trial is over: its number among how many, and its records, of each node one.
  std::function<void(std::uint64_t position, std::uint64_t total,
                     const std::vector<records::Record>& records)>
      trial_ended;
};

// Runs warm-ups and slots. `recorder`: null for all ranks but the first. Where it ends early all
// ranks stop, and the result of the first says why. Throws OutOfStep where a rank is gone.
[[nodiscard]] measure::ExperimentResult run_experiment(const measure::Plan& plan,
                                                       const Patience& patience,
                                                       const std::vector<HerdSlot>& slots,
                                                       Ranks* ranks, NodeTrials* trials,
                                                       Recorder* recorder);

}  // namespace coldload::herd
