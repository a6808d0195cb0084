// The floors of an experiment's arms: measured before the first trial, each in a process of its
// own, and held against every trial.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <string>
#include <vector>

#include "measure/arm.h"
#include "measure/plan.h"
#include "measure/watcher.h"
#include "records/record.h"

namespace coldload::measure {

// What is given to an arm's floor, in seconds; creating a GPU's context comes on top.
inline constexpr int k_arm_floor_s = 3;

// Runs `coldload floor` on every arm that is there and fills ArmFacts::floor, or why there is none:
// a warning, too. So the GPU's context, the memory and a mount that hangs are the child's. The GPU
// is measured with the first arm and counts for all. Nothing where the plan wants no floor.
void measure_arm_floors(const Plan& plan, std::vector<Arm>* arms, ExperimentWatcher& watcher);

// Whether `plan` measures floors: not without evictions, which a floor needs.
[[nodiscard]] bool wants_floor(const Plan& plan);

// The floor that a child printed. Throws os::Error for anything else.
[[nodiscard]] records::Floor parse_floor_output(const std::string& output);

}  // namespace coldload::measure
