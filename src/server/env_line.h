// `env -S LINE`, whose line env itself takes apart: the words that it makes of it.
//
// Layer: server. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace coldload::server {

// The same command with the line's words in its place, each of its own: what a placeholder stands
// for may hold blanks. Also behind other wrappers, "-vS LINE" and "--split-string=LINE". A line
// with escapes, variables or comments is left as it is.
// https://www.gnu.org/software/coreutils/manual/html_node/env-invocation.html
[[nodiscard]] std::vector<std::string> with_env_lines_split(std::vector<std::string> argv);

}  // namespace coldload::server
