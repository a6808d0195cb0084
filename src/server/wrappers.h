// Commands that run another one, given as their arguments: env, numactl, uv run, nsys profile, ...
//
// Layer: server. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coldload::server {

// Where a wrapper takes the program that it runs from.
enum class Finds {
  as_we_do,   // from the PATH that it was started with
  elsewhere,  // from an environment or a file system that it sets up
  scripts,    // it hands a Python script to an interpreter of its choice
};

// What an option does that is not listed.
enum class Unlisted {
  unknown,          // it may take the next word
  takes_next_word,  // unless its value stands in the same word
};

struct Wrapper {
  std::string_view name;
  std::vector<std::string_view> with_value = {};      // options that take the next word
  std::vector<std::string_view> with_two = {};        // options that take the next two
  std::vector<std::string_view> alone = {};           // options that do not
  std::vector<std::string_view> variable_flags = {};  // options whose value is NAME=VALUE
  std::vector<std::string_view> moving = {};          // options after which programs lie elsewhere
  std::vector<std::string_view> subcommands = {};     // one of these must follow: `uv run`
  std::size_t operands = 0;                           // words of its own before the command
  Finds finds = Finds::as_we_do;
  Unlisted unlisted = Unlisted::unknown;
  // Null, or a regular expression of the option whose value is a line that it takes apart into
  // words of its own; what it runs is then not told. See with_env_lines_split().
  const char* line_option = nullptr;
  bool takes_variables = false;  // NAME=VALUE words before the command
  bool does_more = false;        // writes files of the user's, or starts more than the command
  bool has_long_options_with_one_dash = false;  // "-host" is "--host", and listed so
  std::string_view module_flag = {};   // an option after which a Python module's name follows
  std::string_view program_flag = {};  // with it, what `scripts` finds is a program all the same
  std::string_view remark = {};        // what is not as one may think where it runs a server
};

// Of a command's word, "env" or "/usr/bin/env"; null for a program that is none.
[[nodiscard]] const Wrapper* wrapper_of(std::string_view word);

// What a wrapper's words say.
struct Behind {
  std::size_t at = 0;      // index of the command that it runs; the argv's size: it runs none
  bool is_sure = true;     // no option was met whose value, if it has one, is not known
  bool is_module = false;  // at `at` a Python module's name stands, not a program
  bool is_script = false;  // at `at` a Python script stands
  bool moves = false;      // a name of a program means another than for us
  std::vector<std::pair<std::string, std::string>> variables;
};
// Of the wrapper whose word is argv[at].
[[nodiscard]] Behind look_behind(const Wrapper& wrapper, const std::vector<std::string>& argv,
                                 std::size_t at);

// NAME=VALUE, taken apart; nothing for a word that is none.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> assignment(
    const std::string& word);

}  // namespace coldload::server
