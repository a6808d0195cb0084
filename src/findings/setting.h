// What an experiment ran on and with, read from its facts: machine, server, command.
//
// Layer: findings. Pure functions; results are plain text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "records/record.h"
#include "text/json.h"

namespace coldload::findings {

// The machine: its CPU's and its GPUs' names ("" for not known), cores, and bytes of memory.
struct Machine {
  std::string cpu;
  std::vector<std::string> gpus;
  std::optional<std::uint64_t> cores;
  std::optional<std::uint64_t> memory_bytes;
};
// Whether two are of a kind. What memory a kernel tells varies by a little from start to start.
[[nodiscard]] bool are_alike(const Machine& a, const Machine& b);
[[nodiscard]] bool have_like_memory(const Machine& a, const Machine& b);
[[nodiscard]] Machine machine_of(const records::ExperimentFacts& facts);

// The words of the server's command as they were given, {model} still in it; empty without one.
[[nodiscard]] std::vector<std::string> server_words(const records::ExperimentFacts& facts);

// The variables set for the server with --env, "KEY=VALUE" each, in the order of the command.
[[nodiscard]] std::vector<std::string> server_variables(const records::ExperimentFacts& facts);

// The flags of coldload's own loader, with their values.
[[nodiscard]] std::vector<std::string> loader_words(const records::ExperimentFacts& facts);

// How the file server was prepared before each trial; empty: it was not.
[[nodiscard]] std::vector<std::string> file_server_words(const records::ExperimentFacts& facts);

// "0.1.0 (a4dac7d65f2b)"; empty where it is not on record.
[[nodiscard]] std::string coldload_version_of(const records::ExperimentFacts& facts);

// What is on record of how the server was run: version, pinned flags, runtime caches; empty where
// there is none.
[[nodiscard]] text::json::object server_of(const records::ExperimentFacts& facts);

// Its version as it was installed; empty where it is not on record.
[[nodiscard]] std::string server_version_of(const records::ExperimentFacts& facts);

// What coldload added to the server's command, so that every path is read in the same way.
[[nodiscard]] std::vector<std::string> pinned_flags_of(const records::ExperimentFacts& facts);

// What --compile-cache was: "private", "fresh", "keep"; empty where it is not on record.
[[nodiscard]] std::string compile_cache_of(const records::ExperimentFacts& facts);

// Whether the target is coldload's own loader.
[[nodiscard]] bool is_native(const records::ExperimentFacts& facts);

// Whether a variable of the server's environment has that value in all of several commands.
[[nodiscard]] bool is_of_every_command(std::string_view name, const text::json::value& value,
                                       const records::ExperimentFacts& facts);

}  // namespace coldload::findings
