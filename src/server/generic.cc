// Any other command that ends in an HTTP 200.
#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool is_generic(const Invocation& /*invocation*/) { return false; }

const LogGrammar& generic_grammar() {
  static const LogGrammar k_grammar;
  return k_grammar;
}

}  // namespace

const ServerKind k_generic{.name = "generic",
                           .recognises = is_generic,
                           .ready_endpoint = "/health",
                           .grammar = generic_grammar};

}  // namespace coldload::server
