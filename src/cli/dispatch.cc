#include "cli/dispatch.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/secrets.h"
#include "cli/version.h"
#include "os/descriptor_limit.h"
#include "os/interrupt.h"
#include "os/memory_limits.h"
#include "os/own_limits.h"
#include "os/pending_call.h"
#include "os/standard_streams.h"
#include "text/suggest.h"

namespace coldload::cli {

namespace {

void print_help() {
  print_out(
      "coldload: what does it cost to cold-load this model from this storage path?\n\n"
      "usage: coldload COMMAND [FLAGS]\n\ncommands:\n");
  for (const Command& command : commands()) {
    if (*command.summary != '\0') print_out("  {:<11} {}\n", command.name, command.summary);
  }
  print_out(
      "\na first try, without a server, a GPU or a network:\n"
      "  coldload synth M --size 2GB\n"
      "  coldload compare --path disk=M --path net=M --stand-in net=250MB/s,1ms --out results\n");
  print_out(
      "\n`coldload COMMAND --help` lists a command's flags; `coldload --version` says what was "
      "built.\n");
}

const Command* command_named(const std::string& name) {
  const auto found = std::find_if(commands().begin(), commands().end(),
                                  [&name](const Command& one) { return name == one.name; });
  return found == commands().end() ? nullptr : &*found;
}

UsageError unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (*command.summary != '\0') names.emplace_back(command.name);
  }
  const std::string known = text::nearest(name, names);
  return UsageError(known.empty()
                        ? fmt::format("unknown command {}", name)
                        : fmt::format("unknown command {}; did you mean {}?", name, known));
}

// Where to look after wrong use.
std::string next_step(const std::vector<std::string>& args) {
  const Command* const command = args.empty() ? nullptr : command_named(args[0]);
  if (command == nullptr || *command->summary == '\0') {
    return "`coldload --help` lists the commands.";
  }
  return fmt::format("`coldload {} --help` lists its flags.", command->name);
}

int dispatch(const std::vector<std::string>& args) {
  if (args.size() > 1 && args[0] == "help") {
    const Command* const command = command_named(args[1]);
    if (command == nullptr) throw unknown_command(args[1]);
    return command->run({"--help"});
  }
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    print_help();
    return args.empty() ? k_exit_usage : k_exit_ok;
  }
  if (args[0] == "--version") {
    print_out("{}", Lines(version_text()));
    return k_exit_ok;
  }
  const Command* const command = command_named(args[0]);
  if (command == nullptr) throw unknown_command(args[0]);
  return command->run({args.begin() + 1, args.end()});
}

// Where nobody reads them, the exit code tells alone.
void complain(const std::string& text) { print_err("coldload: {}\n", text); }

int failure_code() { return os::interrupted() ? k_exit_interrupted : k_exit_failed; }

}  // namespace

int run_command_line(int argc, char** argv) {
  return run_program({argv + 1, argv + argc}, dispatch, next_step);
}

int run_program(const std::vector<std::string>& args,
                const std::function<int(const std::vector<std::string>&)>& program,
                const std::function<std::string(const std::vector<std::string>&)>& help_of) {
  // Whatever name the program was started by: /proc/self/exe would be "exe".
  ::prctl(PR_SET_NAME, "coldload", 0, 0, 0);
  os::open_missing_streams();
  os::explain_failed_allocations();
  // A message may repeat what was typed, or what a server said.
  const auto cleaned = [&args](const std::exception& error) {
    return secrets_of(args).apply(error.what());
  };
  if (const std::string shortage = os::too_little_stack(); !shortage.empty()) {
    complain(shortage);
    return k_exit_usage;
  }
  try {
    os::raise_descriptor_limit();
    os::install_interrupt_handler();
    const int code = program(args);
    os::finish_standard_output();
    return code;
  } catch (const UsageError& error) {
    complain(cleaned(error));
    print_err("{}\n", help_of(args));
    return os::interrupted() ? k_exit_interrupted : k_exit_usage;
  } catch (const os::StallError& error) {
    complain(cleaned(error));
    try {
      os::finish_standard_output();
    } catch (const os::SystemError& second) {
      complain(second.what());
    }
    // A thread is stuck in the kernel: nothing that waits for it may run.
    ::_exit(failure_code());
  } catch (const std::exception& error) {
    complain(cleaned(error));
    return failure_code();
  }
}

}  // namespace coldload::cli
