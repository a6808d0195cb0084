// The plan for people: what will be evicted, run and written.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

#include "measure/arm.h"
#include "measure/plan.h"
#include "measure/target.h"

namespace coldload::cli {

[[nodiscard]] std::string describe_plan(const measure::Plan& plan,
                                        const std::vector<measure::Arm>& arms,
                                        const measure::Target& target);

}  // namespace coldload::cli
