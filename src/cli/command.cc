#include "cli/command.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/help_text.h"
#include "cli/usage.h"
#include "text/escape.h"
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

// What the command is called, without "coldload".
std::string_view name_of(const CLI::App& app) {
  const std::string& name = app.get_name();
  return std::string_view(name).substr(name.rfind(' ') + 1);
}

std::vector<std::string> known_flags(const CLI::App& app) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    for (const std::string& name : option->get_snames()) known.push_back("-" + name);
  }
  // Of `cache show`: what follows is the part's.
  for (const CLI::App* part : app.get_subcommands([](const CLI::App*) { return true; })) {
    for (std::string& name : known_flags(*part)) known.push_back(std::move(name));
  }
  return known;
}

// The first word of `words` that looks like a flag and is none; empty: none does.
std::string unknown_flag(const CLI::App& app, const std::vector<std::string>& words) {
  const std::vector<std::string> known = known_flags(app);
  for (const std::string& word : words) {
    std::string flag = word.substr(0, word.find('='));
    const bool is_long = flag.size() > 2 && flag.starts_with("--");
    if (is_long && std::find(known.begin(), known.end(), flag) == known.end()) return flag;
  }
  return "";
}

UsageError unknown(const CLI::App& app, const std::string& flag) {
  const std::string known = text::nearest(flag, known_flags(app));
  return UsageError(known.empty() ? fmt::format("unknown flag {}", flag)
                                  : fmt::format("unknown flag {}; did you mean {}?", flag, known));
}

// A word too many. Where a server's command may follow, it begins one without its "--".
UsageError too_many(const CLI::App& app, const std::vector<std::string>& args,
                    const std::string& word) {
  if (!takes_server(name_of(app))) {
    return UsageError(fmt::format("unexpected word {}", text::quoted(word)));
  }
  std::vector<std::string> line{"coldload", std::string(name_of(app))};
  const auto begin = std::find(args.begin(), args.end(), word);
  line.insert(line.end(), args.begin(), begin);
  line.emplace_back("--");
  line.insert(line.end(), begin, args.end());
  return UsageError(
      fmt::format("there is no -- before {}: the server's command goes behind one, as in: {}",
                  text::quoted(word), text::shell_line(line)));
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
    const auto parts = app.get_subcommands();  // those that were named
    print_out("{}", Lines(help_text(parts.empty() ? app : *parts.front())));
    return false;
  } catch (const CLI::ExtrasError& error) {
    const std::vector<std::string> rest = app.remaining(true);
    if (rest.empty()) throw UsageError(error.what());
    if (!rest.front().starts_with('-')) throw too_many(app, args, rest.front());
    throw unknown(app, rest.front().substr(0, rest.front().find('=')));
  } catch (const CLI::ParseError& error) {
    const std::string flag = unknown_flag(app, args);
    if (!flag.empty()) throw unknown(app, flag);
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
