// How long each use can wait for a start, what fits that, and how often starts can be borne.
//
// Layer: report. Results are Markdown that fits into a line or a table cell.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// "ok", "**no, 14.7 s over**", "not measured": an arm's median against a budget.
[[nodiscard]] std::string fit_of(const Comparison& comparison, const Arm& arm, double budget_s);

// What the times mean for how often cold starts can be tolerated; with a price of an hour of GPUs
// on record, also what they cost while they wait.
[[nodiscard]] std::vector<std::string> tolerance_of(const Comparison& comparison);

}  // namespace coldload::report
