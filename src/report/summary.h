// The plain table that a terminal shows when an experiment ends.
//
// Layer: report. Measures nothing.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// A row per storage mode with figures, and a line with the ratio, the number of trials left out,
// and placeholders. No escape sequences.
[[nodiscard]] std::string terminal_summary(const std::vector<Comparison>& comparisons);

}  // namespace coldload::report
