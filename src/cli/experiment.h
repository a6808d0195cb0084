// From a parsed request to an exit code: what `compare` and `measure` do.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include "cli/experiment_flags.h"

namespace coldload::cli {

// Looks, locks, prints the plan, runs, reports. Throws UsageError for what is found wrong before
// anything is evicted or launched, and os::Error for what cannot go on.
int run_request(ExperimentRequest request);

}  // namespace coldload::cli
