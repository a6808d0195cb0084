// Man pages, in roff's macros man(7): one of coldload, one of each command.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/flag_table.h"

namespace coldload::cli {

// What a page's head and foot say. `date`: 2026-01-31, or empty.
struct Edition {
  std::string version;
  std::string date;
};

// File name -> text: "coldload.1", "coldload-compare.1".
[[nodiscard]] std::map<std::string, std::string> man_pages(const std::vector<CommandFacts>& table,
                                                           const Edition& edition);

}  // namespace coldload::cli
