// What a verdict on its cold makes of a trial: its status, its word, its reason.
//
// Layer: measure. Pure functions over measured values.
#pragma once

#include "measure/cold.h"
#include "measure/plan.h"
#include "measure/schedule.h"
#include "records/record.h"

namespace coldload::measure {

// However the trial ended: `record` says that, with status and reason, before the verdict.
void apply_verdict(TrialKind kind, ColdPolicy policy, const ColdEvidence& evidence,
                   const ColdVerdict& verdict, records::Record* record);

}  // namespace coldload::measure
