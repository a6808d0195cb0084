// What to do about nodes that start at once: how many may within each budget, and what more need.
//
// Layer: report. Results are Markdown.
#pragma once

#include <vector>

#include "report/recommendation.h"
#include "report/terms.h"

namespace coldload::report {

// One for each path that herds started from; empty without any.
[[nodiscard]] std::vector<Advice> advice_for_herds(const Comparison& comparison);

}  // namespace coldload::report
