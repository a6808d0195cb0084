#include "cli/command.h"

#include <algorithm>

#include <fmt/format.h>

#include "text/suggest.h"

namespace coldload::cli {

namespace {

// Set while show_parser() runs a command up to its parser.
thread_local const std::function<void(const CLI::App&)>* seen_by = nullptr;

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> k_commands{
      {"compare", "compare cold loads of a model from two or more storage paths", run_compare},
      {"measure", "measure cold loads of a model from one storage path", run_measure},
      {"stage", "copy a checkpoint to faster storage: verified, resumable, atomic", run_stage},
      {"floor", "what this path, this bus and this GPU can deliver now", run_floor},
      {"cache", "how much of a checkpoint is in memory; get it out; bring it in", run_cache},
      {"inspect", "what is behind a path, and what is in a checkpoint", run_inspect},
      {"synth", "make a random-weight checkpoint that real servers accept", run_synth},
      {"shape", "mount a stand-in for a network mount: a directory at a given rate", run_shape},
      {"run", "start a server and read its weights into memory beside it", run_server},
      {"report", "write the report again from the records alone", run_report},
      {"completions", "print what completes coldload's words in bash, zsh or fish",
       run_completions},
      {"native-load", "", run_native_load},
      {"read-ahead", "", run_read_ahead},
      {"guard", "", run_guard},
      {"write-share", "", run_write_share},
  };
  return k_commands;
}

namespace {

std::string first_unknown_flag(const CLI::App& app) {
  for (const std::string& word : app.remaining()) {
    if (word.rfind('-', 0) == 0) return word.substr(0, word.find('='));
  }
  return "";
}

std::string nearest_flag(const CLI::App& app, const std::string& flag) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  return text::nearest(flag, known);
}

// CLI11 leaves two empty lines between groups of flags.
std::string help_of(const CLI::App& app) {
  std::string help = app.help();
  constexpr std::string_view k_gap = "\n\n\n";
  for (std::size_t at = help.find(k_gap); at != std::string::npos; at = help.find(k_gap, at)) {
    help.erase(at, 1);
  }
  return help;
}

}  // namespace

bool parse(CLI::App& app, const std::vector<std::string>& args) {
  app.allow_extras(false);
  if (seen_by != nullptr) {
    (*seen_by)(app);
    return false;
  }
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(reversed);
    return true;
  } catch (const CLI::CallForHelp&) {
    print_out("{}", Lines(help_of(app)));
    return false;
  } catch (const CLI::ExtrasError& error) {
    const std::string flag = first_unknown_flag(app);
    if (flag.empty()) throw UsageError(error.what());
    const std::string known = nearest_flag(app, flag);
    throw UsageError(known.empty() ? fmt::format("unknown flag {}", flag)
                                   : fmt::format("unknown flag {}; did you mean {}?", flag, known));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
}

void show_parser(const Command& command, const std::function<void(const CLI::App&)>& see) {
  struct Seen {
    explicit Seen(const std::function<void(const CLI::App&)>* by) { seen_by = by; }
    ~Seen() { seen_by = nullptr; }
    Seen(const Seen&) = delete;
    Seen& operator=(const Seen&) = delete;
  };
  const Seen seen(&see);
  (void)command.run({});
}

}  // namespace coldload::cli
