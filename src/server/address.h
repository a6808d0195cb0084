// Where a server answers when it is ready, as far as what it is told says.
//
// Layer: server. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "server/server_kind.h"

namespace coldload::server {

// The URL of its readiness endpoint, to be asked from this machine; {port} in it stands for its
// port. http or https; of a Unix socket http://unix:PATH:/health.
struct Address {
  std::string url;
  bool is_socket = false;  // it listens at no port
  // Its host is a name, which a name server may be needed for.
  bool is_by_name = false;
};

// `settings`: see settings_of().
[[nodiscard]] Address address_of(const ServerKind& kind, const std::vector<std::string>& settings);

}  // namespace coldload::server
