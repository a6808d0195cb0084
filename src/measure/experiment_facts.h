// What is the same for every record of an experiment, gathered before its first trial.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include "gpu/nvml.h"
#include "measure/arms.h"
#include "measure/plan.h"
#include "records/record.h"

namespace coldload::measure {

// With a new id, and without what `plan.secrets` are.
[[nodiscard]] records::ExperimentFacts gather_facts(const Plan& plan, const Arms& arms,
                                                    const gpu::Nvml& nvml);

}  // namespace coldload::measure
