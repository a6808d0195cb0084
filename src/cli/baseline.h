// --baseline: load times measured earlier, from any CSV that has a column load_s.
//
// Layer: cli.
#pragma once

#include <string>
#include <vector>

#include "measure/record.h"

namespace coldload::cli {

// Rows with an empty load_s are left out. storage_mode is taken where there is such a column.
// Throws UsageError that names file and row for what cannot be read.
[[nodiscard]] std::vector<measure::BaselineFigure> read_baseline(const std::string& path);

}  // namespace coldload::cli
