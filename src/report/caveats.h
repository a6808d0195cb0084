// What the first screen must not leave out: a path that is a stand-in, or not the device that its
// name says, and trials that are not verified cold.
//
// Layer: report. Pure functions; a paragraph of Markdown each.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// Paths called nvme that lie on something else, a sentence each.
[[nodiscard]] std::vector<std::string> names_that_mislead(const Comparison& comparison);

[[nodiscard]] std::vector<std::string> caveats_of(const Comparison& comparison);

}  // namespace coldload::report
