// The inference servers that coldload knows, one file each, behind one small interface.
//
// What nobody knows is `generic`: measured all the same, from launch to the first HTTP 200.
//
// Layer: server. No state: texts and pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/completion.h"
#include "server/invocation.h"
#include "server/log_grammar.h"

namespace coldload::server {

using Environment = std::vector<std::pair<std::string, std::string>>;

// Words of its command line that say where it listens and what it is told elsewhere. Empty: it has
// no such flag.
struct Speech {
  std::vector<std::string_view> port_flags{"--port"};
  std::vector<std::string_view> length_flags{"--max-model-len", "--context-length", "--ctx-size"};
  std::string_view host_flag = "--host";
  std::string_view socket_flag = {};  // its value is a Unix socket's path
  std::string_view prefix_flag = {};  // its value stands before every path that it answers at
  std::string_view config_flag = {};  // its value is a YAML file of flags without their dashes
  // Variables that say the same as a flag, which stands above them.
  std::vector<std::pair<std::string_view, std::string_view>> variables = {};
};

struct ServerKind {
  std::string_view name;  // as --server takes it
  bool (*recognises)(const Invocation&);
  std::string_view ready_endpoint = "/health";  // answers 200 when ready, and not before
  LogGrammar grammar;
  std::uint16_t default_port = 0;  // where it listens if its command does not say; 0: not known
  Speech speech = {};

  // How much of the GPU's memory it takes if its command does not say; 0: not known.
  double default_memory_share = 0;

  // See command_of(): words between blanks, with {model} and {port}. Empty: there is none to build.
  std::string_view command = {};
  std::string_view length_flag = {};
  std::string_view memory_flag = {};
  double usual_memory_share = 0;  // said where no other is wished for; 0: nothing is said
  // See environment_of(): NAME=VALUE between blanks.
  std::string_view environment = {};

  // One short streamed completion, given the server's command and the model's path. Null, or
  // nothing: it has none to ask for.
  std::optional<CompletionRequest> (*completion)(const Invocation& invocation,
                                                 const std::string& model) = nullptr;
  // The variable that holds the key which it wants to see, where no --api-key does.
  std::string_view api_key_variable = {};

  // Flags that make it load the same way from every path, given its version and what it is told
  // (see settings_of()). `package`: the Python distribution whose version that is. Null: none are
  // needed.
  std::vector<std::string> (*pinned_flags)(const std::string& version,
                                           const std::vector<std::string>& settings) = nullptr;
  std::string_view package = {};

  // The copy of its weights that it takes where a checkpoint holds it beside others: a shell
  // pattern for safetensors at the checkpoint's top, given what it is told. Null, or empty: it has
  // no such rule.
  std::string_view (*preferred_weights)(const std::vector<std::string>& settings) = nullptr;
};

extern const ServerKind k_vllm;
extern const ServerKind k_sglang;
extern const ServerKind k_llama_server;
extern const ServerKind k_tgi;
extern const ServerKind k_transformers;
extern const ServerKind k_generic;

// For a command that coldload builds itself.
struct CommandWishes {
  std::optional<std::uint64_t> max_model_len;
  std::optional<double> gpu_memory_utilization;  // share of the GPU's memory
  std::vector<std::string> more_flags;
};

// Of a kind that has one to build.
[[nodiscard]] std::vector<std::string> command_of(const ServerKind& kind,
                                                  const CommandWishes& wishes);
// What it should be run with, unless the user says otherwise. `timeout`: from launch to ready; in a
// value {timeout_s} stands for it, or for ten minutes where it is less.
[[nodiscard]] Environment environment_of(const ServerKind& kind, std::chrono::nanoseconds timeout);

// OpenAI's completions, which most of them speak: one token of `model`, or of the name that
// --served-model-name gives to it. The key is that of `--api-key`.
[[nodiscard]] std::optional<CompletionRequest> openai_completion(const Invocation& invocation,
                                                                 const std::string& model);

[[nodiscard]] const std::vector<const ServerKind*>& server_kinds();
// Null for a name that is none.
[[nodiscard]] const ServerKind* server_kind_named(std::string_view name);
// The one that the argv runs; k_generic where none is recognised.
[[nodiscard]] const ServerKind& recognise(const Invocation& invocation);

}  // namespace coldload::server
