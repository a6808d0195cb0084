// Which experiments may be taken together.
//
// Layer: findings. Pure functions.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "findings/setting.h"
#include "records/dataset.h"

namespace coldload::findings {

// Experiments whose records may be set against each other: of the same model, target and its
// command, cold policy and machine, and of the same paths and stand-ins by equal labels.
struct Pool {
  std::string setting;
  Machine machine;
  std::map<std::string, std::string> ways;  // label -> path and stand-in
  std::set<std::string> experiments;        // ids
};

// The one with the latest experiment first.
[[nodiscard]] std::vector<Pool> pools_of(const records::Dataset& dataset);

// What makes a path the same one: where it lies, and at which pace it is seen.
[[nodiscard]] std::string way_of(const records::ArmFacts& arm);

}  // namespace coldload::findings
