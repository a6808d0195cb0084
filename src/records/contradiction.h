// Whether a record can be what it says it is.
//
// Held against every record twice: where it is made and where it is read. A fault of ours between
// evidence and verdict, and an edit of the file, end alike: the trial claims nothing.
//
// Layer: records. Pure functions.
#pragma once

#include <string>

#include "records/record.h"

namespace coldload::records {

// What in it cannot be, in words; empty where nothing is.
[[nodiscard]] std::string contradiction_in(const Record& record);

// Takes its claim from one that contradicts itself: not_cold and unknown, with the reason.
void distrust_contradiction(Record* record);

}  // namespace coldload::records
