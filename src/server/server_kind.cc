#include "server/server_kind.h"

#include <algorithm>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

#include "text/json.h"

namespace coldload::server {

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  return {std::istream_iterator<std::string>(stream), {}};
}

}  // namespace

// Any other command that ends in an HTTP 200.
const ServerKind k_generic{.name = "generic",
                           .recognises = [](const Invocation&) { return false; },
                           .grammar = {},
                           .speech = {.port_flags = {"--port", "-p"}}};

std::vector<std::string> command_of(const ServerKind& kind, const CommandWishes& wishes) {
  std::vector<std::string> words = words_of(kind.command);
  const auto say = [&words](std::string_view flag, const std::string& value) {
    if (!flag.empty()) words.insert(words.end(), {std::string(flag), value});
  };
  const double share = wishes.gpu_memory_utilization.value_or(kind.usual_memory_share);
  if (kind.usual_memory_share > 0) say(kind.memory_flag, fmt::format("{}", share));
  if (wishes.max_model_len) say(kind.length_flag, std::to_string(*wishes.max_model_len));
  if (kind.usual_memory_share == 0 && share > 0) say(kind.memory_flag, fmt::format("{}", share));
  words.insert(words.end(), wishes.more_flags.begin(), wishes.more_flags.end());
  return words;
}

Environment environment_of(const ServerKind& kind, std::chrono::nanoseconds timeout) {
  constexpr std::chrono::seconds k_least{600};
  const auto timeout_s = std::max(std::chrono::ceil<std::chrono::seconds>(timeout), k_least);
  Environment environment;
  for (const std::string& word : words_of(kind.environment)) {
    const std::size_t equals = word.find('=');
    const std::string value = word.substr(equals + 1);
    environment.emplace_back(word.substr(0, equals),
                             value == "{timeout_s}" ? std::to_string(timeout_s.count()) : value);
  }
  return environment;
}

std::optional<CompletionRequest> openai_completion(const Invocation& invocation,
                                                   const std::string& model) {
  const auto name = flag_value(invocation.arguments, {"--served-model-name"});
  const text::json::object body{{"model", name.value_or(model)},
                                {"prompt", "Hello"},
                                {"max_tokens", 1},
                                {"temperature", 0},
                                {"stream", true}};
  return CompletionRequest{"/v1/completions", text::to_line(body),
                           flag_value(invocation.arguments, {"--api-key"}).value_or("")};
}

const std::vector<const ServerKind*>& server_kinds() {
  static const std::vector<const ServerKind*> k_kinds{&k_vllm, &k_sglang,       &k_llama_server,
                                                      &k_tgi,  &k_transformers, &k_generic};
  return k_kinds;
}

const ServerKind* server_kind_named(std::string_view name) {
  const auto found = std::find_if(server_kinds().begin(), server_kinds().end(),
                                  [name](const ServerKind* kind) { return kind->name == name; });
  return found == server_kinds().end() ? nullptr : *found;
}

const ServerKind& recognise(const Invocation& invocation) {
  const auto found =
      std::find_if(server_kinds().begin(), server_kinds().end(),
                   [&](const ServerKind* kind) { return kind->recognises(invocation); });
  return found == server_kinds().end() ? k_generic : **found;
}

}  // namespace coldload::server
