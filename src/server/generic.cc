// Any other command that ends in an HTTP 200.
#include "server/server_kind.h"

namespace coldload::server {

const ServerKind k_generic{
    .name = "generic", .recognises = [](const Invocation&) { return false; }, .grammar = {}};

}  // namespace coldload::server
