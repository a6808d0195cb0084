// Which ways to start an experiment compares: --command, or the words after `--`; and the flags
// that may be of one command alone, as NAME:VALUE.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/experiment_flags.h"
#include "cli/server_flags.h"

namespace coldload::cli {

// As CLI11 fills them, before they mean anything.
struct StartFlags {
  std::vector<std::string> commands;  // NAME=LINE
  std::vector<std::string> setup;
  std::vector<std::string> prepare;
  std::vector<std::string> cleanup;
};

void add_command_flag(CLI::App* app, StartFlags* flags);
void add_hook_flags(CLI::App* app, StartFlags* flags);
void add_prepare_flag(CLI::App* app, StartFlags* flags, const char* about);

// The plan's ways to start, and the servers that they are: none where the native loader is the
// target. `words`: those after `--`. Throws UsageError.
void set_starts(const StartFlags& flags, const ServerFlags& server,
                const std::vector<std::string>& words, ExperimentRequest* request);

}  // namespace coldload::cli
