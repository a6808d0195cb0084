// A path's read rate over the requests in flight, as an SVG that is readable on light and dark.
//
// Layer: charts. Pure functions.
#pragma once

#include <string>

#include "storage/read_figures.h"

namespace coldload::charts {

// `subject`: what was measured, for the title; escaped here. Without any measured level the chart
// says so.
[[nodiscard]] std::string rate_chart(const storage::ReadFigures& figures,
                                     const std::string& subject);

}  // namespace coldload::charts
