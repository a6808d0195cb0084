// Which paths an experiment is about: --path, --stand-in, --stage, and the seed's variables.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "measure/plan.h"

namespace coldload::cli {

// What asks: `compare`, `measure`, or the program coldload-mpi.
enum class ExperimentCommand { compare, measure, herd };

// The flags as CLI11 fills them, before they mean anything.
struct ArmFlags {
  std::vector<std::string> paths;
  std::string measured_path;  // of `measure`
  std::string label = "path";
  std::vector<std::string> stand_ins;
  std::string stage;
  bool keep_staged = false;
  std::vector<std::string> prefetch;
  std::string weights;
  std::vector<std::string> also;
};

void add_arm_flags(CLI::App* app, ExperimentCommand command, ArmFlags* flags);

void add_herd_path_flags(CLI::App* app, ArmFlags* flags);

// The plan's arms. `commands`: how many --command names. Throws UsageError for what cannot be
// right.
void set_arms(ExperimentCommand command, const ArmFlags& flags, std::size_t commands,
              measure::Plan* plan);

// Throws UsageError for a label that no storage_mode can have.
void check_label(const std::string& label);

// LABEL=REST, split at the first '='. Throws UsageError that names the flag and what is expected.
[[nodiscard]] std::pair<std::string, std::string> split_label(const std::string& flag,
                                                              const std::string& text,
                                                              const char* expected = "LABEL=VALUE");

}  // namespace coldload::cli
