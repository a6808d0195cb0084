// The floor: what a path, its page cache, the bus and the GPU can deliver now, and the least time
// that a checkpoint takes with it.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "measure/gpu_floor.h"
#include "records/floor.h"
#include "storage/path_info.h"
#include "storage/read_probe.h"

namespace coldload::measure {

struct FloorOptions {
  std::chrono::nanoseconds time = std::chrono::seconds(20);  // without the GPU's context
  std::optional<unsigned> gpu = 0;                           // nothing: leave the GPU out
  std::optional<double> given_bytes_per_s;
  // Called before each part, in words.
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

// `files`: the weight files' real paths, on `storage`. Throws what storage::probe_reads throws; no
// GPU is no error.
[[nodiscard]] records::Floor measure_floor(const std::vector<std::string>& files,
                                           const storage::PathInfo& storage,
                                           const FloorOptions& options);

// How the time is split.
struct FloorBudget {
  storage::ReadProbeOptions reads;  // with the times of their parts
  std::chrono::nanoseconds gpu{};   // the copies
};
[[nodiscard]] FloorBudget floor_budget(std::chrono::nanoseconds time);

}  // namespace coldload::measure
