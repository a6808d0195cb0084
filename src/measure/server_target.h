// A server command as a target: any argv that ends in an HTTP 200.
//
// Layer: measure.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "measure/target.h"
#include "serve/argv.h"
#include "text/redact.h"

namespace coldload::measure {

struct ServerOptions {
  std::vector<std::string> argv;  // with placeholders
  serve::ReadyPlan ready;
  std::optional<std::uint64_t> max_model_len;
  std::vector<std::pair<std::string, std::string>> environment;
  std::chrono::nanoseconds timeout{};
  bool echo = false;       // the server's output to our stderr, too
  text::Redactor secrets;  // taken out of its output
};

[[nodiscard]] std::unique_ptr<Target> make_server_target(ServerOptions options);

}  // namespace coldload::measure
