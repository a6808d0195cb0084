// The plan for people: what will be evicted, run and written.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "measure/arm.h"
#include "measure/arms.h"
#include "measure/forecast.h"
#include "measure/plan.h"

namespace coldload::cli {

// Where the words of each line begin.
inline constexpr std::size_t k_plan_margin = 9;

// `known`: of the trials' times.
[[nodiscard]] std::string describe_plan(const measure::Plan& plan,
                                        const std::vector<measure::Arm>& arms,
                                        const measure::Targets& targets,
                                        const measure::Forecast& known);

}  // namespace coldload::cli
