#include "cli/completions.h"

#include <utility>

#include <fmt/format.h>

#include "cli/command.h"
#include "text/escape.h"

namespace coldload::cli {

namespace {

// A command's own name, or "cache show", with what it takes.
using NamedFacts = std::pair<std::string, const CommandFacts*>;

std::vector<NamedFacts> with_parts(const std::vector<CommandFacts>& table) {
  std::vector<NamedFacts> all;
  for (const CommandFacts& command : table) {
    all.emplace_back(command.name, &command);
    for (const CommandFacts& part : command.commands) {
      all.emplace_back(command.name + " " + part.name, &part);
    }
  }
  return all;
}

template <typename Items, typename Text>
std::string joined(const Items& items, std::string_view between, Text text) {
  std::string all;
  for (const auto& item : items) {
    if (const std::string one = text(item); !one.empty()) {
      if (!all.empty()) all += between;
      all += one;
    }
  }
  return all;
}

std::string names_of(const std::vector<CommandFacts>& commands) {
  return joined(commands, " ", [](const CommandFacts& command) { return command.name; });
}

std::string in_single_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text::one_line(text)) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string with_backslash(std::string_view text, std::string_view before) {
  std::string escaped;
  for (const char c : text::one_line(text)) {
    if (before.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// bash

std::string bash_branch(const NamedFacts& named) {
  const auto& [name, facts] = named;
  const auto names = [](const FlagFacts& flag) {
    return fmt::format("{}", fmt::join(flag.names, " "));
  };
  const auto valued = [&](const FlagFacts& flag) {
    return flag.value.empty() ? std::string() : names(flag);
  };
  const auto choices = [](const FlagFacts& word) {
    return fmt::format("{}", fmt::join(word.choices, " "));
  };
  std::string words = names_of(facts->commands);
  if (words.empty()) words = joined(facts->words, " ", choices);
  std::string branch =
      fmt::format("    '{}')\n      flags='{}'\n", name, joined(facts->flags(), " ", names));
  if (const std::string with_value = joined(facts->flags(), " ", valued); !with_value.empty()) {
    branch += fmt::format("      valued=' {} '\n", with_value);
  }
  if (!words.empty()) branch += fmt::format("      words='{}'\n", words);
  for (const FlagFacts& flag : facts->flags()) {
    if (flag.choices.empty()) continue;
    branch += fmt::format("      case $before in {}) chosen='{}' ;; esac\n",
                          fmt::join(flag.names, " | "), choices(flag));
  }
  return branch + "      ;;\n";
}

constexpr std::string_view k_bash_head =
    R"(# bash completion for coldload; `coldload completions bash` prints it.
_coldload() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  local flags='' valued=' ' words='' chosen='' at
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '@COMMANDS@ --help --version' -- "$word")
    return
  fi
  for ((at = 2; at < COMP_CWORD; at++)); do
    [[ ${COMP_WORDS[at]} == -- ]] || continue
    # A server's command line: its program, then files.
    if ((at + 1 == COMP_CWORD)); then
      mapfile -t COMPREPLY < <(compgen -c -- "$word")
    else
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
    return
  done
  # --flag=value comes as three words, as do LABEL=PATH and LABEL:PATH.
  if [[ $word == [=:] ]]; then
    word=''
  elif [[ $before == [=:] ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $command in
    @PARENTS@) ((COMP_CWORD == 2)) || command+=" ${COMP_WORDS[2]}" ;;
  esac
  case $command in
)";
constexpr std::string_view k_bash_tail = R"(  esac
  if [[ -n $chosen ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$chosen" -- "$word")
  elif [[ $word == -* && $valued != *" $before "* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
  elif [[ -n $words && $valued != *" $before "* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  else
    # Any other value may be a file; of LABEL=PATH bash gives the part behind the sign alone.
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _coldload coldload
)";

void replace(std::string* text, std::string_view what, std::string_view with) {
  for (std::size_t at = text->find(what); at != std::string::npos; at = text->find(what, at)) {
    text->replace(at, what.size(), with);
    at += with.size();
  }
}

// zsh

constexpr std::string_view k_zsh_special = "[]:\\";

std::string zsh_value(const FlagFacts& flag) {
  const std::string action =
      flag.choices.empty() ? "_coldload_value" : fmt::format("({})", fmt::join(flag.choices, " "));
  return fmt::format(":{}:{}", with_backslash(flag.value, k_zsh_special), action);
}

// One line for each of its names: --flag=value and --flag value are both taken.
std::string zsh_flag(const FlagFacts& flag) {
  std::string lines;
  for (const std::string& name : flag.names) {
    std::string spec = flag.repeats ? "*" : fmt::format("({})", fmt::join(flag.names, " "));
    spec += name;
    if (!flag.value.empty()) spec += name.rfind("--", 0) == 0 ? "=" : "+";
    spec += fmt::format("[{}]", with_backslash(flag.description, k_zsh_special));
    if (!flag.value.empty()) spec += zsh_value(flag);
    lines += fmt::format("        {} \\\n", in_single_quotes(spec));
  }
  return lines;
}

std::string zsh_word(const FlagFacts& word) {
  const std::string action =
      word.choices.empty() ? "_files" : fmt::format("({})", fmt::join(word.choices, " "));
  return fmt::format("        {} \\\n",
                     in_single_quotes(fmt::format("{}:{}:{}", word.repeats ? "*" : "",
                                                  word.names.front(), action)));
}

std::string zsh_commands(const std::vector<CommandFacts>& commands) {
  return joined(commands, " ", [](const CommandFacts& command) {
    return in_single_quotes(command.name + ":" + with_backslash(command.summary, ":\\"));
  });
}

std::string zsh_branch(const NamedFacts& named) {
  const auto& [name, facts] = named;
  std::string branch = fmt::format("    '{}')\n", name);
  if (!facts->commands.empty()) {
    branch += fmt::format("      commands=({})\n      _describe command commands\n",
                          zsh_commands(facts->commands));
  }
  branch += "      _arguments -s -S \\\n";
  for (const FlagFacts& flag : facts->flags()) branch += zsh_flag(flag);
  for (const FlagFacts& word : facts->words) branch += zsh_word(word);
  return branch + "        && return 0\n      ;;\n";
}

constexpr std::string_view k_zsh_head = R"(#compdef coldload
# zsh completion for coldload; `coldload completions zsh` prints it.

# Any value may be a file; so may what follows LABEL= or LABEL:.
_coldload_value() {
  compset -P '[A-Za-z0-9_.-]##[=:]'
  _files
}

_coldload() {
  setopt localoptions extendedglob
  local -a commands
  local name=${words[2]} dashes=${words[(i)--]}
  if ((CURRENT == 2)); then
    commands=(@COMMANDS@)
    _describe command commands
    return
  fi
  if ((dashes < CURRENT)); then
    # A server's command line.
    words=("${(@)words[dashes + 1,-1]}")
    ((CURRENT -= dashes))
    _normal
    return
  fi
  shift words
  ((CURRENT--))
  case $name in
    @PARENTS@)
      if ((CURRENT > 2)); then
        name+=" ${words[2]}"
        shift words
        ((CURRENT--))
      fi
      ;;
  esac
  case $name in
)";
constexpr std::string_view k_zsh_tail = R"(  esac
}

if [[ $funcstack[1] == _coldload ]]; then
  _coldload "$@"
else
  compdef _coldload coldload
fi
)";

// Names of commands that have commands of their own, as a pattern of `case`.
std::string parents_of(const std::vector<CommandFacts>& table) {
  return joined(table, " | ", [](const CommandFacts& command) {
    return command.commands.empty() ? std::string() : command.name;
  });
}

std::string filled(std::string_view text, const std::vector<CommandFacts>& table,
                   const std::string& commands) {
  std::string out(text);
  replace(&out, "@COMMANDS@", commands);
  replace(&out, "@PARENTS@", parents_of(table));
  return out;
}

// fish

std::string fish_quoted(std::string_view text) { return "'" + with_backslash(text, "'\\") + "'"; }

std::string fish_line(const std::string& condition, const std::string& rest) {
  return fmt::format("complete -c coldload -n {} {}\n", fish_quoted(condition), rest);
}

std::string fish_flag(const std::string& condition, const FlagFacts& flag) {
  std::string line;
  for (const std::string& name : flag.names) {
    line += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!flag.choices.empty()) {
    line += " -x -a " + fish_quoted(fmt::format("{}", fmt::join(flag.choices, " ")));
  } else if (!flag.value.empty()) {
    line += " -r";
  }
  if (!flag.description.empty()) line += " -d " + fish_quoted(flag.description);
  return fish_line(condition, line.substr(1));
}

std::string fish_command(const std::string& condition, const CommandFacts& command) {
  return fish_line(condition,
                   fmt::format("-f -a {} -d {}", command.name, fish_quoted(command.summary)));
}

std::string fish_commands(const std::vector<CommandFacts>& table) {
  std::string lines;
  for (const CommandFacts& command : table) {
    const std::string seen = "__fish_seen_subcommand_from " + command.name;
    lines += fish_command("__fish_use_subcommand", command);
    const std::string parts = names_of(command.commands);
    for (const FlagFacts& flag : command.flags()) lines += fish_flag(seen, flag);
    for (const FlagFacts& word : command.words) {
      if (word.choices.empty()) continue;
      lines +=
          fish_line(seen, "-f -a " + fish_quoted(fmt::format("{}", fmt::join(word.choices, " "))));
    }
    for (const CommandFacts& part : command.commands) {
      lines += fish_command(fmt::format("{}; and not __fish_seen_subcommand_from {}", seen, parts),
                            part);
      const std::string inside =
          fmt::format("{}; and __fish_seen_subcommand_from {}", seen, part.name);
      for (const FlagFacts& flag : part.flags()) lines += fish_flag(inside, flag);
    }
  }
  return lines;
}

}  // namespace

std::string bash_completion(const std::vector<CommandFacts>& table) {
  return filled(k_bash_head, table, names_of(table)) + joined(with_parts(table), "", bash_branch) +
         std::string(k_bash_tail);
}

std::string zsh_completion(const std::vector<CommandFacts>& table) {
  return filled(k_zsh_head, table, zsh_commands(table)) +
         joined(with_parts(table), "", zsh_branch) + std::string(k_zsh_tail);
}

std::string fish_completion(const std::vector<CommandFacts>& table) {
  return "# fish completion for coldload; `coldload completions fish` prints it.\n" +
         fish_commands(table);
}

int run_completions(const std::vector<std::string>& args) {
  CLI::App app("Prints what completes coldload's words in a shell, for that shell to read.",
               "coldload completions");
  app.footer(
      "A package has it where the shell looks. Else: source <(coldload completions bash) in "
      "~/.bashrc,\nsource <(coldload completions zsh) in ~/.zshrc after compinit, or coldload "
      "completions fish | source\nin ~/.config/fish/config.fish.");
  std::string shell;
  app.add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  if (!parse(app, args)) return k_exit_ok;
  const std::vector<CommandFacts> table = flag_table();
  print_out("{}", Lines(shell == "bash"  ? bash_completion(table)
                        : shell == "zsh" ? zsh_completion(table)
                                         : fish_completion(table)));
  return k_exit_ok;
}

}  // namespace coldload::cli
