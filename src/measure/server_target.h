// A server command as a target: any argv that ends in an HTTP 200.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "measure/target.h"
#include "process/bounded_log.h"
#include "server/argv.h"
#include "server/runtime_caches.h"
#include "server/server_command.h"
#include "server/server_kind.h"
#include "text/redact.h"

namespace coldload::measure {

struct ServerOptions {
  server::ServerCommand command;
  server::ReadyPlan ready;
  std::optional<std::uint64_t> max_model_len;
  server::Environment environment;  // the user's own
  server::CompileCache compile_cache = server::CompileCache::private_caches;
  std::string cache_directory;  // where private caches are made
  std::chrono::nanoseconds timeout{};
  std::uint64_t log_limit_bytes = process::k_default_log_limit_bytes;
  bool echo = false;       // the server's output to our stderr, too
  text::Redactor secrets;  // taken out of its output
};

// Asks for the server's version where flags depend on it: takes up to
// server::k_version_patience. Makes nothing before the first launch.
[[nodiscard]] std::unique_ptr<Target> make_server_target(ServerOptions options);

}  // namespace coldload::measure
