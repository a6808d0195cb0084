#include "cli/start_flags.h"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/arm_flags.h"
#include "cli/command.h"
#include "cli/named_models.h"
#include "measure/subject.h"
#include "text/shell_words.h"

namespace coldload::cli {

namespace {

using Names = std::vector<std::string>;
using Words = std::vector<std::string>;

// NAME:VALUE is of the command NAME alone; anything else is of every one.
struct OwnedValue {
  std::string owner;  // empty: every command
  std::string value;
};

OwnedValue owned(const std::string& text, const Names& names) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {"", text};
  const std::string owner = text.substr(0, colon);
  const bool is_url = text.compare(colon, 3, "://") == 0;  // "http" may be a command's name
  if (is_url || std::find(names.begin(), names.end(), owner) == names.end()) return {"", text};
  return {owner, text.substr(colon + 1)};
}

// What is said for every command, then what is said for `name`: the last one stands.
Words values_for(const std::string& name, const Names& names, const Words& values) {
  Words general;
  Words own;
  for (const std::string& text : values) {
    auto [owner, value] = owned(text, names);
    if (!owner.empty() && owner != name) continue;
    (owner.empty() ? general : own).push_back(std::move(value));
  }
  general.insert(general.end(), own.begin(), own.end());
  return general;
}

// Of a flag that can have one value for a command: its own, else that for every one.
std::string value_for(const char* flag, const std::string& name, const Names& names,
                      const Words& values) {
  std::set<std::string> owners;
  for (const std::string& text : values) {
    const std::string owner = owned(text, names).owner;
    if (owners.insert(owner).second) continue;
    throw UsageError(owner.empty() ? fmt::format("{} is given twice", flag)
                                   : fmt::format("{} is given twice for {}", flag, owner));
  }
  const Words of_it = values_for(name, names, values);
  return of_it.empty() ? "" : of_it.back();
}

measure::Hooks hooks_for(const StartFlags& flags, const std::string& name, const Names& names,
                         std::chrono::nanoseconds timeout) {
  measure::Hooks hooks;
  hooks.setup = value_for("--setup", name, names, flags.setup);
  hooks.prepare = value_for("--prepare", name, names, flags.prepare);
  hooks.cleanup = value_for("--cleanup", name, names, flags.cleanup);
  hooks.limit = std::max<std::chrono::nanoseconds>(hooks.limit, timeout);
  return hooks;
}

ServerFlags server_flags_for(const ServerFlags& flags, const std::string& name,
                             const Names& names) {
  ServerFlags own = flags;
  own.environment = values_for(name, names, flags.environment);
  own.kinds = {};
  if (std::string kind = value_for("--server", name, names, flags.kinds); !kind.empty()) {
    own.kinds.push_back(std::move(kind));
  }
  own.ready_urls = {};
  if (std::string url = value_for("--ready-url", name, names, flags.ready_urls); !url.empty()) {
    own.ready_urls.push_back(std::move(url));
  }
  return own;
}

// Names and words of the commands; where --command is not given, the words after `--` and no name.
std::vector<std::pair<std::string, Words>> commands_of(const StartFlags& flags,
                                                       const Words& words) {
  if (flags.commands.empty()) return {{"", words}};
  if (!words.empty()) {
    throw UsageError(
        "--command and a command after -- are two ways to say what to start: give that one a "
        "name, too: --command NAME='LINE'");
  }
  std::vector<std::pair<std::string, Words>> commands;
  for (const std::string& text : flags.commands) {
    auto [name, line] = split_label("--command", text, "NAME=LINE");
    check_label(name);
    for (const auto& [known, unused] : commands) {
      if (known == name) throw UsageError(fmt::format("two commands have the name '{}'", name));
    }
    try {
      commands.emplace_back(name, text::split_shell_words(line));
    } catch (const std::invalid_argument& error) {
      throw UsageError(fmt::format("--command {}: {}", text, error.what()));
    }
    if (commands.back().second.empty()) {
      throw UsageError(fmt::format("--command {}: there is no command", text));
    }
  }
  return commands;
}

// Throws UsageError as `function` does, with the name of the command that it is about.
template <typename Function>
auto about_command(const std::string& name, Function function) {
  try {
    return function();
  } catch (const UsageError& error) {
    if (name.empty()) throw;
    throw UsageError(fmt::format("--command {}: {}", name, error.what()));
  }
}

// A command called "warm" would make "nvme_warm" of nvme.
void check_name(const measure::Plan& plan, const std::string& name) {
  for (const measure::ArmRequest& arm : plan.arms) {
    const std::string label = fmt::format("{}_{}", arm.label, name);
    const std::string_view suffix = measure::own_suffix_of(label);
    if (name.empty() || suffix.empty() || measure::is_of_deeper_layer(suffix)) continue;
    throw UsageError(fmt::format(
        "--command {}: its rows would be '{}', which coldload's own are: choose another name", name,
        label));
  }
}

void check_labels(const measure::Plan& plan) {
  for (const measure::StartRequest& start : plan.starts) check_name(plan, start.name);
  std::set<std::string> labels;
  for (const std::string& label : measure::labels_of(plan)) {
    if (labels.insert(label).second) continue;
    throw UsageError(
        fmt::format("two arms would have the label '{}': rename a path or a command", label));
  }
}

}  // namespace

void add_command_flag(CLI::App* app, StartFlags* flags) {
  app->add_option("--command", flags->commands,
                  "a way to start and its name in results, repeatable, in place of a command "
                  "after --:\nevery path is measured with each; --env, --server, --ready-url and "
                  "the hooks\ntake NAME:VALUE for one of them alone")
      ->type_name("NAME=LINE")
      ->allow_extra_args(false);
}

void add_hook_flags(CLI::App* app, StartFlags* flags) {
  const auto add = [app](const char* flag, std::vector<std::string>* lines, const char* about) {
    app->add_option(flag, *lines, about)->type_name("LINE")->allow_extra_args(false);
  };
  add("--setup", &flags->setup, "shell line, once per arm before anything is measured");
  add_prepare_flag(app, flags, "shell line before each run's eviction");
  add("--cleanup", &flags->cleanup, "shell line, once per arm at the end");
}

void add_prepare_flag(CLI::App* app, StartFlags* flags, const char* about) {
  app->add_option("--prepare", flags->prepare, about)->type_name("LINE")->allow_extra_args(false);
}

void set_starts(const StartFlags& flags, const ServerFlags& server, const Words& words,
                ExperimentRequest* request) {
  measure::Plan& plan = request->plan;
  const auto commands = commands_of(flags, words);
  Names names;
  for (const auto& [name, unused] : commands) {
    if (!name.empty()) names.push_back(name);
  }
  plan.starts.clear();
  for (const auto& [name, line] : commands) {
    measure::StartRequest start{name, {}, hooks_for(flags, name, names, request->timeout), {}};
    start.max_model_len = server.max_model_len;
    std::optional<measure::ServerOptions> options = about_command(name, [&, &words_of = line] {
      return server_of(server_flags_for(server, start.name, names), words_of);
    });
    if (options) {
      start.command = options->command.argv;
      start.max_model_len = options->max_model_len;
      request->servers.push_back(std::move(*options));
    }
    for (measure::ArmRequest& arm : plan.arms) {
      for (std::string& named : models_named_in(line)) arm.also.push_back(std::move(named));
    }
    plan.starts.push_back(std::move(start));
  }
  check_labels(plan);
}

}  // namespace coldload::cli
