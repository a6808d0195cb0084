// Loads held against the floor: how much of what a path delivers was used, and what infinitely fast
// storage would leave to wait for.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstddef>
#include <optional>

#include "findings/comparison.h"
#include "statistics/statistics.h"

namespace coldload::findings {

// What an arm's cold loads used of their floors.
struct FloorUse {
  statistics::Summary efficiency;
  statistics::Summary seconds;            // of the weights phase, or of the whole load
  statistics::Summary limit_bytes_per_s;  // what the efficiency is a share of
  bool storage_limits = false;            // any of them
  bool bus_limits = false;                // any of them: the copies to the GPU, not storage
  bool given = false;                     // the rate was given, not measured
};

// What would be left if storage took no time.
struct WithoutStorage {
  double rest_s = 0;  // median of what no storage makes shorter, but for the copies
  statistics::Summary copy_bytes_per_s;
  bool onto_gpu = false;  // the copies; else out of the page cache
};

// The cold trials of an arm whose experiment measured its floor, each against its own.
struct HeldToFloor {
  std::size_t trials = 0;
  std::size_t experiments = 0;
  std::optional<FloorUse> use;                    // nothing where one trial does not tell
  std::optional<WithoutStorage> without_storage;  // likewise
};

[[nodiscard]] HeldToFloor held_to_floor(const Comparison& comparison, const Arm& arm);

}  // namespace coldload::findings
