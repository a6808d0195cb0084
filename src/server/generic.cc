// Any other command that ends in an HTTP 200.
#include "server/server_kind.h"

namespace coldload::server {

namespace {

bool recognises(const Invocation& /*invocation*/) { return false; }

const LogGrammar& grammar() {
  static const LogGrammar k_grammar;
  return k_grammar;
}

}  // namespace

const ServerKind k_generic{
    .name = "generic", .recognises = recognises, .ready_endpoint = "/health", .grammar = grammar};

}  // namespace coldload::server
