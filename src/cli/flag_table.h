// Every subcommand with its flags, as data: what a man page and a shell's completion are written
// from. It is read from the parsers that the commands themselves use, so that neither can say
// anything else.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

namespace coldload::cli {

// One flag, or one word that is no flag (PATH).
struct FlagFacts {
  std::vector<std::string> names;    // "-r", "--runs"; of a word: "PATH"
  std::string value;                 // what is to follow: "TEXT", "SIZE"; empty: nothing
  std::vector<std::string> choices;  // all that may follow; empty: not a list
  std::string description;           // empty: none
  std::string default_value;         // empty: none, or the description says it
  std::string variable;              // of the environment, that stands for it; empty: none
  bool required = false;
  bool repeats = false;  // may be given, or follow, more than once
};

// Flags under one heading of the help.
struct FlagGroup {
  std::string name;  // "Options", "How often"
  std::vector<FlagFacts> flags;
};

// A command, or a command of a command (`cache show`).
struct CommandFacts {
  std::string name;     // "compare"; "show"
  std::string summary;  // one line
  std::string
      description;     // what stands above its help; lines that begin with a blank are examples
  std::string footer;  // what stands below
  std::vector<FlagFacts> words;
  std::vector<FlagGroup> groups;  // in the order of the help
  std::vector<CommandFacts> commands;

  // The flags of all groups.
  [[nodiscard]] std::vector<FlagFacts> flags() const;
};

// Every command that the help lists, in its order.
[[nodiscard]] std::vector<CommandFacts> flag_table();

}  // namespace coldload::cli
