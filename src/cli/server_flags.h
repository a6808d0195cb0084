// The flags of `compare` and `measure` that are about the server, and the command after `--`.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "measure/server_target.h"

namespace coldload::cli {

// As CLI11 fills them, before they mean anything.
struct ServerFlags {
  std::vector<std::string> kinds;       // of each command at most one
  std::vector<std::string> ready_urls;  // likewise
  std::vector<std::string> environment;
  std::uint16_t port = 0;
  std::optional<std::uint64_t> max_model_len;
  std::optional<double> gpu_memory_utilization;
  std::string compile_cache = "private";
  bool first_token = false;
};

void add_server_flags(CLI::App* app, ServerFlags* flags);

// The server that `flags`, which are of one command, and the words after `--` ask for; nothing
// where both are silent: the native loader is the target then. Without words, or where they begin
// with a flag, --server names a server whose command is built. Throws UsageError.
[[nodiscard]] std::optional<measure::ServerOptions> server_of(
    const ServerFlags& flags, const std::vector<std::string>& words);

}  // namespace coldload::cli
