// The first sentences of a report: what the answer is and how sure.
//
// Layer: report. Pure functions; results are Markdown.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// A paragraph each.
[[nodiscard]] std::vector<std::string> answers_of(const Comparison& comparison);

}  // namespace coldload::report
