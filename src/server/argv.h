// A server's argv: what it says about port and context length, and its placeholders.
//
// Placeholders stand inside words: {model}, {port}, {max_model_len}. Any other brace (JSON in a
// flag's value, say) is left as it is. No shell is involved.
//
// Layer: server. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/error.h"

namespace coldload::server {

// The server's command line cannot be used as given: the command line's exit code is 2.
class ArgvError : public os::Error {
 public:
  using os::Error::Error;
};

// What an argv says before anything is substituted.
struct ArgvFacts {
  bool uses_port = false;
  bool uses_max_model_len = false;
  // --port 8000, --port=8000 or -p 8000, the last one; empty where {port} is used.
  std::optional<std::uint16_t> fixed_port;
  // --max-model-len, --context-length, --ctx-size, or -c of a llama-server; the last one. "4k" is
  // 4000 and "4K" 4096, as vLLM reads them. Empty for "auto", 0 and whatever is no number.
  std::optional<std::uint64_t> max_model_len;
};

// Of any command that is not empty. Throws ArgvError.
[[nodiscard]] ArgvFacts facts_of_argv(const std::vector<std::string>& argv);
// The same of one that must load what it is told to. Throws ArgvError for one without {model}.
[[nodiscard]] ArgvFacts examine_argv(const std::vector<std::string>& argv);

// The values that placeholders stand for.
struct ArgvValues {
  std::string model;
  std::optional<std::uint16_t> port;
  std::optional<std::uint64_t> max_model_len;
};

// Replaces the placeholders in one pass (a model path may itself hold braces). Throws ArgvError for
// a placeholder whose value is not known.
[[nodiscard]] std::string substitute(std::string_view text, const ArgvValues& values);
[[nodiscard]] std::vector<std::string> substitute(const std::vector<std::string>& argv,
                                                  const ArgvValues& values);

// Where a trial's server will be asked whether it is ready.
struct ReadyPlan {
  bool choose_port = false;           // choose a free port for every trial
  std::optional<std::uint16_t> port;  // else the port, where one is known
  std::string url;                    // may hold {port}: for substitute()
};

// Unites the argv with the flags --port (0: none) and --ready-url (empty: none) and the path of the
// server's readiness endpoint. Throws ArgvError where no port is known, or where two contradict
// each other.
[[nodiscard]] ReadyPlan plan_ready(const ArgvFacts& facts, std::uint16_t port_flag,
                                   const std::string& ready_url,
                                   std::string_view endpoint = "/health");

}  // namespace coldload::server
