// A server command as a target: any argv that ends in an HTTP 200.
//
// Layer: measure.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "measure/target.h"
#include "serve/argv.h"
#include "serve/runtime_caches.h"
#include "serve/server_kind.h"
#include "text/redact.h"

namespace coldload::measure {

struct ServerOptions {
  const serve::ServerKind* kind = &serve::k_generic;
  std::vector<std::string> argv;  // with placeholders
  serve::ReadyPlan ready;
  std::optional<std::uint64_t> max_model_len;
  serve::Environment environment;  // the user's own
  serve::CompileCache compile_cache = serve::CompileCache::private_caches;
  std::string cache_directory;  // where private caches are made
  std::chrono::nanoseconds timeout{};
  bool echo = false;       // the server's output to our stderr, too
  text::Redactor secrets;  // taken out of its output
};

// Asks for the server's version where flags depend on it: takes up to
// serve::k_version_patience. Makes nothing before the first launch.
[[nodiscard]] std::unique_ptr<Target> make_server_target(ServerOptions options);

}  // namespace coldload::measure
