// What cannot succeed, found before anything runs.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

#include "cli/experiment_flags.h"
#include "measure/arm.h"

namespace coldload::cli {

// A sentence each, with what to do. Changes nothing.
[[nodiscard]] std::vector<std::string> obstacles_of(const ExperimentRequest& request,
                                                    const std::vector<measure::Arm>& arms);

// Why results cannot be written to the directory, which need not be there; empty: they can, as far
// as permissions tell.
[[nodiscard]] std::string why_not_writable(const std::string& directory);

}  // namespace coldload::cli
