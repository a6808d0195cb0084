// What a terminal shows when an experiment ends: plain text.
//
// Layer: report. Measures nothing.
#pragma once

#include <string>
#include <vector>

#include "findings/condition.h"
#include "report/terms.h"

namespace coldload::report {

// A row per storage mode with figures, and lines with the ratios, the verdict, the number of trials
// left out, and placeholders. No escape sequences.
[[nodiscard]] std::string terminal_summary(const std::vector<Comparison>& comparisons);

// What a condition found: "ratio.net is 2.61, above 2".
[[nodiscard]] std::string condition_sentence(const findings::Condition& condition,
                                             const findings::Examined& examined);

}  // namespace coldload::report
