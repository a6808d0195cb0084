// What a row's notes say: all that the CSV's fixed columns do not hold.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include "records/record.h"
#include "text/notes.h"

namespace coldload::records {

// What the fixed columns do not hold: path, cold, experiment, order, target, stand_in and whatever
// is not default; `status`, `measured_s` and `reason` first for a trial that carries no load_s.
[[nodiscard]] text::Notes notes_of(const Record& record);

}  // namespace coldload::records
