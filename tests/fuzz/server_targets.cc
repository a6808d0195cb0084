// A server's command, its configuration file and its log.
#include <chrono>

#include "fuzz/targets.h"
#include "server/address.h"
#include "server/argv.h"
#include "server/config_file.h"
#include "server/env_line.h"
#include "server/invocation.h"
#include "server/server_kind.h"
#include "server/startup_log.h"
#include "text/json.h"

namespace coldload::fuzz {

namespace {

// One word a line. Reads no file that the words name.
void try_command(std::string_view input) {
  const std::vector<std::string> argv = server::with_env_lines_split(lines_of(input));
  server::ServerCommand command;
  command.argv = argv;
  command.invocation = server::look_through(argv);
  require(command.invocation.at <= argv.size(), "the program is a word of the command");
  (void)server::hidden_server(argv, command.invocation);
  command.kind = &server::recognise(command.invocation);
  command.settings = command.invocation.arguments;
  refuses([&] { (void)server::facts_of_command(command); });
  refuses([&] { (void)server::address_of(*command.kind, command.settings); });
  refuses([&] {
    const auto words = server::substitute(argv, {"/m{port}", std::uint16_t{8000}, 4096});
    require(words.size() == argv.size(), "a placeholder makes no word");
  });
  if (command.kind->completion != nullptr) {
    (void)command.kind->completion(command.invocation, "/model");
  }
  if (command.kind->pinned_flags != nullptr) {
    (void)command.kind->pinned_flags("0.9.1", command.settings);
  }
  if (command.kind->preferred_weights != nullptr) {
    (void)command.kind->preferred_weights(command.settings);
  }
}

void try_config(std::string_view input) {
  refuses([&] {
    for (const std::string& word : server::words_of_config_text(std::string(input), "config")) {
      require(word.size() < 4 * input.size() + 16, "an alias makes no more of it");
    }
  });
}

// The first byte chooses the server.
void try_log(std::string_view input) {
  if (input.empty()) return;
  const auto& kinds = server::server_kinds();
  const auto* const kind = kinds[static_cast<unsigned char>(input[0]) % kinds.size()];
  server::StartupLog log(kind->grammar);
  const os::TimePoint launched{};
  os::TimePoint at = launched;
  for (const std::string_view piece : pieces_of(input.substr(1))) {
    log.feed(at += std::chrono::milliseconds(10), piece);
  }
  log.finish();
  double last_s = 0;
  for (const server::LogPhase& phase : log.phases(launched, at)) {
    require(phase.start_s >= last_s && phase.end_s >= phase.start_s, "phases follow each other");
    last_s = phase.end_s;
  }
  (void)text::to_line(log.reported());
  (void)log.failure();
}

}  // namespace

const std::vector<Target> k_server_targets{
    {"command", try_command},
    {"config", try_config},
    {"log", try_log},
};

}  // namespace coldload::fuzz
