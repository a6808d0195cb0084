// How long a plan is going to take, said before anything runs: what is known of it, and no guess.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

#include "measure/arm.h"
#include "measure/forecast.h"
#include "measure/plan.h"

namespace coldload::cli {

// What trials of the paths `arms` take at least: where that is more than `earlier` knows, the
// weights over the rate of a stand-in.
[[nodiscard]] measure::Forecast known_beforehand(const measure::Plan& plan,
                                                 const std::vector<measure::Arm>& arms,
                                                 measure::Forecast earlier);

// "at least 12 min: 10 cold and 2 warm runs, ..."; what is not known is said to be.
[[nodiscard]] std::string time_of_plan(const measure::Plan& plan,
                                       const std::vector<measure::Arm>& arms,
                                       const measure::Forecast& known);

}  // namespace coldload::cli
