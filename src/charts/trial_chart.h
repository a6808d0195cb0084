// A picture of every trial: a row per storage mode, a dot per trial, a bar at the median.
//
// Layer: charts. Pure functions.
#pragma once

#include <string>

#include "findings/comparison.h"

namespace coldload::charts {

// An SVG file; empty where no trial has a time.
[[nodiscard]] std::string trial_chart(const findings::Comparison& comparison);

}  // namespace coldload::charts
