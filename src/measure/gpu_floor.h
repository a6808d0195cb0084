// What one GPU and the bus to it deliver: its context's creation, pinning host memory, and copies
// both ways.
//
// Layer: measure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/clock.h"
#include "text/json.h"

namespace coldload::measure {

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

struct GpuFloorOptions {
  unsigned index = 0;
  os::TimePoint deadline;  // for the copies; the context takes what it takes
};

// Never throws: whatever is not possible is a reason.
[[nodiscard]] GpuFloor measure_gpu_floor(const GpuFloorOptions& options);

// The numbers of a kernel's list: "0-2,7" -> 0, 1, 2, 7. Empty for what is none.
[[nodiscard]] std::vector<unsigned> parse_node_list(std::string_view text);

[[nodiscard]] text::json::object to_json(const GpuFloor& floor);
// Keys that are missing or of another kind are left empty.
[[nodiscard]] GpuFloor gpu_floor_from_json(const text::json::object& object);

}  // namespace coldload::measure
