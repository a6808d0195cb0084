#include "server/server_kind.h"

#include <algorithm>

#include "text/json.h"

namespace coldload::server {

CompletionRequest openai_completion(const Invocation& invocation, const std::string& model) {
  const text::json::object body{{"model", model},
                                {"prompt", "Hello"},
                                {"max_tokens", 1},
                                {"temperature", 0},
                                {"stream", true}};
  return {"/v1/completions", text::to_line(body),
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
