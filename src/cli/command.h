// What every subcommand is made of: one row in the table, one function, one file.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/console.h"
#include "os/error.h"

namespace coldload::cli {

inline constexpr int k_exit_ok = 0;
inline constexpr int k_exit_failed = 1;
inline constexpr int k_exit_usage = 2;
inline constexpr int k_exit_not_cold = 3;
inline constexpr int k_exit_condition = 4;  // a --fail-if holds
inline constexpr int k_exit_interrupted = 130;

// Wrong use of the command line: exit code 2.
class UsageError : public os::Error {
 public:
  using os::Error::Error;
};

struct Command {
  const char* name;
  const char* summary;  // empty: not listed in the help
  int (*run)(const std::vector<std::string>& args);
};

// Every command, in the order of the help.
[[nodiscard]] const std::vector<Command>& commands();

// One function per file of the same name, but for run_compare and run_measure in experiment.cc and
// run_server in run.cc; `args` is what follows the command's name.
int run_compare(const std::vector<std::string>& args);
int run_measure(const std::vector<std::string>& args);
int run_stage(const std::vector<std::string>& args);
int run_floor(const std::vector<std::string>& args);
int run_cache(const std::vector<std::string>& args);
int run_inspect(const std::vector<std::string>& args);
int run_synth(const std::vector<std::string>& args);
int run_shape(const std::vector<std::string>& args);
int run_server(const std::vector<std::string>& args);
int run_report(const std::vector<std::string>& args);
int run_native_load(const std::vector<std::string>& args);
int run_read_ahead(const std::vector<std::string>& args);
int run_guard(const std::vector<std::string>& args);
int run_completions(const std::vector<std::string>& args);
int run_write_share(const std::vector<std::string>& args);

// The value that was read from the text of a flag. Throws UsageError where it could not be: "FLAG:
// cannot read "TEXT" as WHAT".
template <typename Value>
[[nodiscard]] Value wanted(const std::optional<Value>& value, std::string_view flag,
                           std::string_view text, std::string_view what) {
  if (value) return *value;
  throw UsageError(fmt::format("{}: cannot read \"{}\" as {}", flag, text, what));
}

// What `function` gives; an os::Error of its becomes wrong use: "`before`MESSAGE". A shortage is
// nobody's wrong use.
template <typename Function>
auto as_usage(Function function, const std::string& before = "") {
  try {
    return function();
  } catch (const os::SystemError& error) {
    if (error.is_shortage()) throw;
    throw UsageError(before + error.what());
  } catch (const os::Error& error) {
    throw UsageError(before + error.what());
  }
}

// Parses `args` into `app`. Returns false where help was asked for and printed (the command then
// returns k_exit_ok). Throws UsageError with CLI11's message, and the nearest known flag for an
// unknown one.
[[nodiscard]] bool parse(CLI::App& app, const std::vector<std::string>& args);

// Calls `see` with the parser of `command` as it stands before it reads a word; the command does
// nothing else.
void show_parser(const Command& command, const std::function<void(const CLI::App&)>& see);

}  // namespace coldload::cli
