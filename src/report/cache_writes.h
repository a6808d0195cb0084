// What is said of starts that wrote to runtime caches in which they should have found all they
// need.
//
// Layer: report. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// Markdown sentences, one for each kind of start: "2 of 6 cold starts on `nvme` wrote ...". Empty
// where none did.
[[nodiscard]] std::vector<std::string> cache_writes_text(const Comparison& comparison,
                                                         const Arm& arm);

}  // namespace coldload::report
