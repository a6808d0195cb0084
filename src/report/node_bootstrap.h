// How a node starts that does what the measurements say.
//
// Layer: report. Pure functions.
#pragma once

#include <string>

#include "report/terms.h"

namespace coldload::report {

// A script for bash. With the word `boot` it checks the local disk, stages and brings into memory,
// each where that pays; without, it starts the server in the way that was the fastest. Empty where
// there is no server, or nothing was measured.
[[nodiscard]] std::string node_bootstrap_of(const Comparison& comparison);

}  // namespace coldload::report
