#include "server/server_command.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "server/settings.h"
#include "server/wrappers.h"

namespace coldload::server {

namespace {

// Why a command that nobody knows may be another than it looks.
void remark_on_unknown(ServerCommand* command) {
  const Invocation& invocation = command->invocation;
  if (!invocation.shell_line.empty()) {
    command->remarks.push_back(fmt::format(
        "{} -c runs a shell line: the server in it is not recognised, nothing is pinned; --server "
        "NAME says which it is",
        invocation.program));
    return;
  }
  const std::string hidden = hidden_server(command->argv, invocation);
  if (hidden.empty()) return;
  command->remarks.push_back(fmt::format(
      "\"{}\" is among the words of {}, which coldload does not know: that server is not "
      "recognised, nothing is pinned; --server NAME says which it is",
      hidden, invocation.program));
}

}  // namespace

ServerCommand read_command(std::vector<std::string> words, const ServerKind* wanted,
                           const Environment& given) {
  ServerCommand command;
  command.argv = std::move(words);
  if (!command.argv.empty() && assignment(command.argv.front())) {
    command.argv.insert(command.argv.begin(), "env");
  }
  command.invocation = look_through(command.argv);
  const ServerKind& seen = recognise(command.invocation);
  command.kind = wanted != nullptr ? wanted : &seen;
  Settings settings = settings_of(*command.kind, command.invocation, given);
  command.settings = std::move(settings.words);
  command.faults = std::move(settings.faults);
  if (command.kind == &k_generic) remark_on_unknown(&command);
  const auto& wrappers = command.invocation.wrappers;
  if (std::find(wrappers.begin(), wrappers.end(), "ray") != wrappers.end()) {
    command.remarks.emplace_back(
        "ray starts daemons of its own: what they read is on the server's account, and they are "
        "ended with it");
  }
  return command;
}

std::string describe(const ServerCommand& command) {
  const Invocation& invocation = command.invocation;
  const std::string behind = invocation.wrappers.empty()
                                 ? ""
                                 : fmt::format(" behind {}", fmt::join(invocation.wrappers, ", "));
  if (command.kind != &k_generic) return std::string(command.kind->name) + behind;
  return fmt::format("not one that coldload knows ({}{})", invocation.program, behind);
}

}  // namespace coldload::server
