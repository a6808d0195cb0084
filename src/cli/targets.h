// What an experiment starts, from its request.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include "cli/experiment_flags.h"
#include "measure/arms.h"

namespace coldload::cli {

// In the order of the plan's starts; the native loader where there is no server.
[[nodiscard]] measure::Targets make_targets(const ExperimentRequest& request);

}  // namespace coldload::cli
