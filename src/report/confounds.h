// What differed between the paths besides the storage, or could have: read from the records.
//
// Layer: report. Pure function.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// One Markdown sentence each.
[[nodiscard]] std::vector<std::string> confounds_of(const Comparison& comparison);

}  // namespace coldload::report
