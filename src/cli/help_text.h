// A command's help as a person reads it: how it is called, flags in groups with what each wants,
// examples.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace coldload::cli {

// Of a parser named "coldload COMMAND" (cli/usage.h), within the terminal's width; 80 elsewhere.
[[nodiscard]] std::string help_text(const CLI::App& app);

// What a flag wants to be followed by: "DIR"; empty: nothing.
[[nodiscard]] std::string metavar_of(const CLI::Option& option);

}  // namespace coldload::cli
