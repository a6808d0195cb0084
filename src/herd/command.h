// coldload-mpi: from the command line to an exit code.
//
// Layer: herd. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

#include "herd/ranks.h"

namespace coldload::herd {

// What this rank exits with: of all but the first 0. `in_step` tells, also where this throws,
// whether all ranks come to their end together; false to begin with.
[[nodiscard]] int run_command(Ranks* ranks, const std::vector<std::string>& args, bool* in_step);

}  // namespace coldload::herd
