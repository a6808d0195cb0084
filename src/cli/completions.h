// What completes coldload's words in a shell, as a script that the shell reads.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

#include "cli/flag_table.h"

namespace coldload::cli {

// Each for all commands of `table`: their names, their flags, and files where a value is wanted
// that is none of a list. Behind `--` a server's command is completed as the shell completes any.
[[nodiscard]] std::string bash_completion(const std::vector<CommandFacts>& table);
[[nodiscard]] std::string zsh_completion(const std::vector<CommandFacts>& table);
[[nodiscard]] std::string fish_completion(const std::vector<CommandFacts>& table);

}  // namespace coldload::cli
