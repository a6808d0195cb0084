// What `report --json` prints: the figures of a comparison for programs.
//
// Layer: report. Pure functions.
#pragma once

#include <vector>

#include "report/terms.h"
#include "text/json.h"

namespace coldload::report {

// Of the first of `comparisons`. docs/report.schema.json describes it.
[[nodiscard]] text::json::value to_json(const std::vector<Comparison>& comparisons);

}  // namespace coldload::report
