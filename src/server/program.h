// Which file a command's first word stands for.
//
// Layer: server. Looks at files; starts nothing.
#pragma once

#include <string>
#include <vector>

#include "server/invocation.h"

namespace coldload::server {

// In words why the command cannot be started: the program, or the one behind its wrappers as far as
// it is found as we find programs, is not there or not executable. Empty where nothing is known
// against it.
[[nodiscard]] std::string why_not_startable(const std::vector<std::string>& argv,
                                            const Invocation& invocation);

}  // namespace coldload::server
