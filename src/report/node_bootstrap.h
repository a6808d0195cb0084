// How a node starts that does what the measurements say.
//
// Layer: report. Pure functions.
#pragma once

#include <string>

#include "report/comparison.h"

namespace coldload::report {

// A script for bash: checks the local disk and stages where that pays, and starts the server in the
// way that was the fastest. Empty where there is no server, or nothing was measured.
[[nodiscard]] std::string node_bootstrap_of(const Comparison& comparison);

}  // namespace coldload::report
