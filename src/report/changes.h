// What is not the same in two experiments, as far as the records tell.
//
// Layer: report. Pure functions; results are Markdown for a table cell.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// "GPU (H100, now H200)" each: of machine, server and policy.
[[nodiscard]] std::vector<std::string> changes_between(const Comparison& then,
                                                       const Comparison& now);
// Of where an arm's weights lie.
[[nodiscard]] std::vector<std::string> changes_between(const Arm& then, const Arm& now);

}  // namespace coldload::report
