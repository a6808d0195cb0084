// Load times measured earlier, from any CSV with a `load_s` column.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <string>
#include <vector>

#include "records/record.h"

namespace coldload::records {

// The rows that carry a load_s; `storage_mode` is empty where the file has no such column. Throws
// os::Error that names the line for what is not CSV, has no `load_s`, or is not a time.
[[nodiscard]] std::vector<BaselineFigure> read_baseline_csv(const std::string& path);

}  // namespace coldload::records
