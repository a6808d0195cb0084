// What a start would take if its storage delivered another rate.
//
// Layer: report. Pure functions.
#pragma once

#include <string>

#include "report/terms.h"

namespace coldload::report {

// The same as a Markdown table, with what it rests on.
[[nodiscard]] std::string what_if_text(const Comparison& comparison, double rate_bytes_per_s);

}  // namespace coldload::report
