// A trial as a row of storage_layout_bench.csv.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <string>

#include "records/record.h"
#include "text/notes.h"

namespace coldload::records {

// All that the other columns do not hold: path, cold, experiment, order, target, stand_in and
// whatever is not default; `status`, `measured_s` and `reason` first for a trial that carries no
// load_s.
[[nodiscard]] text::Notes notes_of(const Record& record);

// With its line end. `load_s` only for status ok, to the millisecond; memory in whole MiB.
[[nodiscard]] std::string csv_row_of(const Record& record);

// With its line end: run_id,storage_mode,model,max_model_len,load_s,gpu_mem_used_mb,notes
[[nodiscard]] std::string csv_header();

}  // namespace coldload::records
