// Which experiments may be taken together.
//
// Layer: findings. Pure functions.
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include "records/dataset.h"

namespace coldload::findings {

// Experiments whose records may be set against each other, the earliest first: of the same model,
// target and its command, cold policy and machine, and of the same paths and stand-ins by equal
// labels. They are those of the dataset.
using Pool = std::vector<const records::Experiment*>;

// The one with the latest experiment first.
[[nodiscard]] std::vector<Pool> pools_of(const records::Dataset& dataset);

// What makes a path the same one: where it lies, and at which pace it is seen.
struct Way {
  std::string_view path;
  std::string_view spec;  // of its stand-in; empty: it has none
  std::string_view method;
  bool operator==(const Way&) const = default;
  bool operator<(const Way& other) const {
    return std::tie(path, spec, method) < std::tie(other.path, other.spec, other.method);
  }
};
// Points into `arm`.
[[nodiscard]] Way way_of(const records::ArmFacts& arm);
[[nodiscard]] Way way_of(const records::ArmParts& arm);

}  // namespace coldload::findings
