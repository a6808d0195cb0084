// Records without credentials: nothing that is written down or shown may give one away.
//
// Layer: records. Pure functions.
#pragma once

#include "records/record.h"
#include "text/redact.h"

namespace coldload::records {

// Every text that users, servers or mounts had a hand in. Labels and names of our own stay.
void redact(const text::Redactor& secrets, ExperimentFacts* facts);
// The same for what is the trial's; `record->experiment` stays as it is.
void redact(const text::Redactor& secrets, Record* record);

}  // namespace coldload::records
