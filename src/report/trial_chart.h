// A picture of every trial: a row per storage mode, a dot per trial, a bar at the median.
//
// Layer: report. Pure functions.
#pragma once

#include <string>

#include "report/comparison.h"

namespace coldload::report {

// An SVG file; empty where no trial has a time.
[[nodiscard]] std::string trial_chart(const Comparison& comparison);

}  // namespace coldload::report
