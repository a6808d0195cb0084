// A server's command: what it says about port and context length, and its placeholders.
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
#include "server/server_command.h"

namespace coldload::server {

// The server's command line cannot be used as given: the command line's exit code is 2.
class ArgvError : public os::Error {
 public:
  using os::Error::Error;
};

// What a command says before anything is substituted.
struct ArgvFacts {
  bool uses_port = false;
  bool uses_max_model_len = false;
  // {port} is what a known server is told to listen at, not only somewhere in the command.
  bool listens_at_port_placeholder = false;
  // What it is told to listen at: --port 8000, --port=8000; empty where {port} is used.
  std::optional<std::uint16_t> fixed_port;
  // --max-model-len, --context-length, --ctx-size, or -c of a llama-server. "4k" is 4000 and "4K"
  // 4096, as vLLM reads them. Empty for "auto", 0 and whatever is no number.
  std::optional<std::uint64_t> max_model_len;
};

// Of any command that is not empty. No number is taken from the words of a wrapper. Throws
// ArgvError.
[[nodiscard]] ArgvFacts facts_of_command(const ServerCommand& command);
// The same of one that must load what it is told to. Throws ArgvError for one without {model}.
[[nodiscard]] ArgvFacts examine_command(const ServerCommand& command);

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

// Unites the argv with the flags --port (0: none) and --ready-url (empty: none) and the URL that
// the command itself speaks of. Throws ArgvError where no port is known, or where two contradict
// each other.
[[nodiscard]] ReadyPlan plan_ready(const ArgvFacts& facts, std::uint16_t port_flag,
                                   const std::string& ready_url,
                                   const std::string& own_url = "http://127.0.0.1:{port}/health");

}  // namespace coldload::server
