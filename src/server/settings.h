// What a server is told, in one list of words: by its variables, by its configuration file, by its
// own flags; flag_value() gives the last, which is the one that stands.
//
// Layer: server.
#pragma once

#include <string>
#include <vector>

#include "server/invocation.h"
#include "server/server_kind.h"

namespace coldload::server {

struct Settings {
  std::vector<std::string> words;
  // What in its command or its file cannot work, or cannot be known: in words, with what to do.
  std::vector<std::string> faults;
};

// `given`: variables that it gets beside ours; those of its own command stand above them. Reads
// its configuration file, if it has one.
[[nodiscard]] Settings settings_of(const ServerKind& kind, const Invocation& invocation,
                                   const Environment& given);

}  // namespace coldload::server
