// The flags of `compare`, `measure` and coldload-mpi as CLI11 fills them, in the groups of their
// help.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/arm_flags.h"
#include "cli/experiment_flags.h"
#include "cli/server_flags.h"
#include "cli/start_flags.h"

namespace coldload::cli {

// Flags that mean something only beside others.
struct RawFlags {
  ArmFlags arms;
  ServerFlags server;
  StartFlags starts;
  std::string runs = "5";
  std::optional<double> precision;
  std::optional<std::uint64_t> max_runs;
  std::optional<std::chrono::nanoseconds> max_time;
  std::optional<std::uint64_t> warm_up;
  std::optional<std::uint64_t> seed;
};

// Of `compare` and `measure`, and of coldload-mpi. What means something by itself goes into
// `request`.
void add_flags(CLI::App* app, ExperimentCommand command, RawFlags* raw, ExperimentRequest* request);
void add_herd_flags(CLI::App* app, RawFlags* raw, ExperimentRequest* request);

}  // namespace coldload::cli
