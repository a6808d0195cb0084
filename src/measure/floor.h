// The floor: what a path, its page cache, the bus and the GPU can deliver now, and the least time
// that a checkpoint takes with it.
//
// Layer: measure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "measure/gpu_floor.h"
#include "storage/path_info.h"
#include "storage/read_probe.h"
#include "text/json.h"

namespace coldload::measure {

struct Floor {
  storage::ReadFigures reads;
  // The rate that a stand-in without a mount is held to: given, not measured.
  std::optional<double> given_bytes_per_s;
  bool memory_backed = false;  // tmpfs: its storage is the page cache
  GpuFloor gpu;
  std::vector<std::string> remarks;  // what to know about these figures

  // What storage delivers: the given rate, else the best measured one; of memory, the page cache's.
  [[nodiscard]] std::optional<double> storage_bytes_per_s() const;
};

struct FloorOptions {
  std::chrono::nanoseconds time = std::chrono::seconds(20);  // without the GPU's context
  std::optional<unsigned> gpu = 0;                           // nothing: leave the GPU out
  std::optional<double> given_bytes_per_s;
  // Called before each part, in words.
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

// `files`: the weight files' real paths, on `storage`. Throws what storage::probe_reads throws; no
// GPU is no error.
[[nodiscard]] Floor measure_floor(const std::vector<std::string>& files,
                                  const storage::PathInfo& storage, const FloorOptions& options);

// How the time is split.
struct FloorBudget {
  std::vector<unsigned> in_flight;
  std::chrono::nanoseconds level{};  // each
  std::chrono::nanoseconds sequential{};
  std::chrono::nanoseconds latency{};
  std::chrono::nanoseconds page_cache{};
  std::chrono::nanoseconds gpu{};  // the copies
};
[[nodiscard]] FloorBudget floor_budget(std::chrono::nanoseconds time);

enum class FloorKind {
  cold,  // from storage
  warm,  // from the page cache
};
enum class Destination { host, gpu };

// Bytes over the smaller of the source's rate and, where the weights go onto the GPU and its rate
// is known, the rate of copies to it. Nothing where the source's rate is not known.
[[nodiscard]] std::optional<double> floor_seconds(const Floor& floor, std::uint64_t bytes,
                                                  FloorKind kind, Destination destination);

// The member "floor" of an arm in the records, and `coldload floor --json` without the path.
[[nodiscard]] text::json::object to_json(const Floor& floor);
// Keys that are missing or of another kind are left empty.
[[nodiscard]] Floor floor_from_json(const text::json::object& json);

}  // namespace coldload::measure
