// --fail-if: figures that continuous integration does not put up with.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <vector>

#include <CLI/CLI.hpp>

#include "findings/comparison.h"
#include "findings/condition.h"
#include "measure/plan.h"

namespace coldload::cli {

// What is no condition is a UsageError.
void add_condition_flag(CLI::App* app, std::vector<findings::Condition>* conditions);

// Throws UsageError where one is about no path that `plan` will have, so that nobody waits for it
// in vain.
void check_conditions(const std::vector<findings::Condition>& conditions,
                      const measure::Plan& plan);

// Says on stderr what each of them found in the first of `comparisons`; whether any holds. Throws
// os::Error as examine() does.
[[nodiscard]] bool any_holds(const std::vector<findings::Condition>& conditions,
                             const std::vector<findings::Comparison>& comparisons);

}  // namespace coldload::cli
