// `herds` of `report --json`: nodes that started at once, and the model of them.
//
// Layer: report. Pure functions.
#pragma once

#include "report/terms.h"
#include "text/json.h"

namespace coldload::report {

// By path, in the arms' order; empty without any. docs/report.schema.json has its keys.
[[nodiscard]] text::json::array herds_array(const Comparison& comparison);

}  // namespace coldload::report
