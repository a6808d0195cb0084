// The flags of `compare` and `measure`: from argv and the seed's variables to a plan.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/arm_flags.h"
#include "findings/condition.h"
#include "measure/plan.h"
#include "measure/server_target.h"
#include "process/bounded_log.h"

namespace coldload::cli {

enum class Verbosity { quiet, normal, verbose };

struct ExperimentRequest {
  measure::Plan plan;
  std::vector<measure::ServerOptions> servers;  // of the plan's starts; none: the native loader
  std::chrono::nanoseconds timeout{};           // from launch to ready
  std::uint64_t log_limit_bytes = process::k_default_log_limit_bytes;
  std::uint64_t native_threads = 0;             // 0: the loader chooses
  std::uint64_t native_ring_bytes = 0;          // 0: the loader's default
  std::vector<findings::Condition> conditions;  // --fail-if
  std::vector<std::uint64_t> sizes;             // of herds: nodes; each at least 1, smallest first
  std::uint64_t per_node = 1;                   // of herds: servers on each node
  std::chrono::nanoseconds stagger{};           // of herds: from one node's launch to the next's
  std::string prepare_server;                   // of herds: shell line before each trial
  bool dry_run = false;
  bool json = false;
  Verbosity verbosity = Verbosity::normal;
};

// Nothing where help was asked for and printed. Throws UsageError for what cannot be right.
[[nodiscard]] std::optional<ExperimentRequest> parse_experiment(
    ExperimentCommand command, const std::vector<std::string>& args);

}  // namespace coldload::cli
