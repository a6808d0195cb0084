#include "cli/command.h"

namespace coldload::cli {

int run_cache(const std::vector<std::string>& /*args*/) { throw UsageError("not yet"); }

}  // namespace coldload::cli
