// A picture of where the median trials' time went: a row per way to start, its phases where they
// lie between launch and ready.
//
// Layer: charts. Pure functions.
#pragma once

#include <string>

#include "findings/comparison.h"

namespace coldload::charts {

// An SVG file; empty where no trial tells its phases. Phases that overlap lie one above the other;
// what no phase covers stays empty.
[[nodiscard]] std::string phase_chart(const findings::Comparison& comparison);

}  // namespace coldload::charts
