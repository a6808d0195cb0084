// How each command is called, and examples of it: what its help shows beside the flags.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string_view>

namespace coldload::cli {

struct Usage {
  std::string_view command;   // as in the table of commands
  std::string_view line;      // what follows its name
  std::string_view examples;  // a line each
};

// Nothing in it for a command that has none.
[[nodiscard]] Usage usage_of(std::string_view command);

// Whether it takes a server's command behind "--".
[[nodiscard]] bool takes_server(std::string_view command);

}  // namespace coldload::cli
