// What a path, its page cache, the bus and a GPU were measured to deliver, and the least time that
// a checkpoint takes with that.
//
// Layer: records. Plain figures and their JSON; nothing is measured here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/read_figures.h"
#include "text/json.h"

namespace coldload::records {

// Copies between pinned host memory and the GPU. Nothing where it was not measured: see `reason`.
struct GpuTransfer {
  std::optional<unsigned> numa_node;  // of the host memory; nothing: wherever the kernel put it
  std::optional<double> to_gpu_best_bytes_per_s;
  std::optional<double> to_gpu_median_bytes_per_s;
  std::optional<double> to_host_best_bytes_per_s;
  std::optional<double> to_host_median_bytes_per_s;
  std::string reason;
};

struct GpuFloor {
  std::optional<unsigned> index;  // as CUDA_VISIBLE_DEVICES counts; nothing: no GPU was looked at
  std::string name;
  std::string reason;                     // why there is nothing, in words
  std::optional<double> context_s;        // creating the context
  std::optional<double> pin_bytes_per_s;  // page-locking memory that is already there
  std::vector<GpuTransfer> transfers;     // wherever the memory lies first, then per NUMA node

  // The fastest of all transfers to the GPU.
  [[nodiscard]] std::optional<double> to_gpu_bytes_per_s() const;
};

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

// What is asked of the floors of very many experiments; nothing where it is not known.
struct FloorRates {
  std::optional<double> storage_bytes_per_s;  // as Floor::storage_bytes_per_s() has it
  std::optional<double> page_cache_bytes_per_s;
  std::optional<double> to_gpu_bytes_per_s;  // as GpuFloor::to_gpu_bytes_per_s() has it
  bool given = false;                        // storage's: not measured

  [[nodiscard]] static FloorRates of(const Floor& floor);
  bool operator==(const FloorRates&) const = default;
};

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
[[nodiscard]] Floor floor_from_json(text::json::object&& json);
// FloorRates::of() that; the rest is not looked at.
[[nodiscard]] FloorRates floor_rates_from_json(text::json::object&& json);

}  // namespace coldload::records
