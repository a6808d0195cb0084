#include "serve/server_kind.h"

#include <algorithm>

namespace coldload::serve {

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

}  // namespace coldload::serve
