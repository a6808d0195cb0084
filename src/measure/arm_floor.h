// The floors of an experiment's arms: measured before the first trial, each in a process of its
// own, and held against every trial.
//
// Layer: measure.
#pragma once

#include <string>
#include <vector>

#include "measure/arm.h"
#include "measure/plan.h"
#include "measure/record.h"

namespace coldload::measure {

class ExperimentWatcher;

// What is given to an arm's floor, in seconds; creating a GPU's context comes on top.
inline constexpr int k_arm_floor_s = 3;

// Runs `coldload floor` on every arm that is there and fills ArmFacts::floor, or why there is none:
// a warning, too. So the GPU's context, the memory and a mount that hangs are the child's. The GPU
// is measured with the first arm and counts for all. Nothing where the plan wants no floor.
void measure_arm_floors(const Plan& plan, std::vector<Arm>* arms, ExperimentWatcher& watcher);

// Whether `plan` measures floors: not without evictions, which a floor needs.
[[nodiscard]] bool wants_floor(const Plan& plan);

// The floor that a child printed. Throws os::Error for anything else.
[[nodiscard]] Floor parse_floor_output(const std::string& output);

// Sets floor_s, and efficiency where the trial is what it claims to be and tells how long its
// weights took. Does nothing where the arm has no floor.
void apply_floor(const ArmFacts& arm, const std::string& target, Record* record);

// Where a trial's weights went: where the target says so, else onto the GPU if it used GPU memory.
[[nodiscard]] Destination destination_of(const Record& record);

// The seconds that efficiency is about: of the weights phase, or of the whole load where the target
// is the native loader.
[[nodiscard]] std::optional<double> weights_seconds(const Record& record,
                                                    const std::string& target);

}  // namespace coldload::measure
