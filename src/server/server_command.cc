#include "server/server_command.h"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "server/env_line.h"
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
  const auto hidden = hidden_server(command->argv, invocation);
  if (!hidden) return;
  command->remarks.push_back(fmt::format(
      "\"{}\" is among the words of {}, which coldload does not know: that server is not "
      "recognised, nothing is pinned; --server NAME says which it is",
      hidden->command, invocation.program));
}

// What the server is told: of a program that starts one and is not known itself, only what follows
// the server's name, as its own words say something else.
Invocation told_to_server(const ServerCommand& command) {
  Invocation told = command.invocation;
  const auto hidden = hidden_server(command.argv, told);
  if (&recognise(told) != &k_generic || !hidden) return told;
  const std::size_t first = command.argv.size() - told.arguments.size();
  if (hidden->at < first) return told;
  told.arguments.erase(told.arguments.begin(),
                       told.arguments.begin() + static_cast<std::ptrdiff_t>(hidden->at - first));
  return told;
}

// A line within quotes that should not be there.
bool is_line_in_one_word(const std::vector<std::string>& argv) {
  return argv.size() == 1 && hidden_server({"", argv.front()}, {}).has_value();
}

}  // namespace

ServerCommand read_command(std::vector<std::string> words, const ServerKind* wanted,
                           const Environment& given) {
  ServerCommand command;
  command.argv = std::move(words);
  if (is_line_in_one_word(command.argv)) {
    command.faults.emplace_back(
        "the server's command is one word with blanks in it: write its words without quotes around"
        " them all");
  } else if (!command.argv.empty() && assignment(command.argv.front())) {
    command.argv.insert(command.argv.begin(), "env");
  }
  command.argv = with_env_lines_split(std::move(command.argv));
  command.invocation = look_through(command.argv);
  const ServerKind& seen = recognise(command.invocation);
  command.kind = wanted != nullptr ? wanted : &seen;
  Settings settings = settings_of(*command.kind, told_to_server(command), given);
  command.settings = std::move(settings.words);
  command.faults.insert(command.faults.end(), settings.faults.begin(), settings.faults.end());
  if (command.kind == &k_generic) remark_on_unknown(&command);
  for (const std::string& name : command.invocation.wrappers) {
    const std::string_view remark = wrapper_of(name)->remark;
    if (!remark.empty()) command.remarks.emplace_back(remark);
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
