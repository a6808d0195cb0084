// A server's command as a user wrote it, understood: what is started, which server that is, and
// what it is told.
//
// Layer: server.
#pragma once

#include <string>
#include <vector>

#include "server/invocation.h"
#include "server/server_kind.h"

namespace coldload::server {

struct ServerCommand {
  std::vector<std::string> argv;  // what is started; with placeholders
  Invocation invocation;
  const ServerKind* kind = &k_generic;
  std::vector<std::string> settings;  // see settings_of()
  std::vector<std::string> faults;    // what cannot work as it is written
  std::vector<std::string> remarks;   // what is not as one may think
};

// `wanted`: the user's word for which server it is; null: as its command tells. `given`: variables
// that it gets beside ours. NAME=VALUE words at the front, which a shell would take for variables,
// are handed to `env`. Reads the server's configuration file, if it has one.
[[nodiscard]] ServerCommand read_command(std::vector<std::string> words, const ServerKind* wanted,
                                         const Environment& given);

// "vllm behind numactl": which server it was recognised as.
[[nodiscard]] std::string describe(const ServerCommand& command);

}  // namespace coldload::server
