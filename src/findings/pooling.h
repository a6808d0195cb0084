// Which experiments may be taken together.
//
// Layer: findings. Pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "records/dataset.h"

namespace coldload::findings {

// Experiments whose records may be set against each other, the earliest first: of the same model,
// target and its command, cold policy and machine, and of the same paths and stand-ins by equal
// labels. They are those of the dataset.
using Pool = std::vector<const records::Experiment*>;

// The one with the latest experiment first.
[[nodiscard]] std::vector<Pool> pools_of(const records::Dataset& dataset);

// What makes a path the same one: where it lies, at which pace it is seen, and of several commands
// the one that starts from it.
struct Way {
  std::string_view path;
  std::string_view spec;  // of its stand-in; empty: it has none
  std::string_view method;
  const records::StartFacts* start = nullptr;  // equal where name, words and server are
  bool operator==(const Way& other) const { return !(*this < other) && !(other < *this); }
  bool operator<(const Way& other) const;
};
// Points into `arm`.
[[nodiscard]] Way way_of(const records::ArmFacts& arm);
[[nodiscard]] Way way_of(const records::ArmParts& arm);

}  // namespace coldload::findings
