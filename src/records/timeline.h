// What went on while a target loaded, as rows of figures: since launch, every 100 ms or so.
//
// Layer: records. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "text/json.h"

namespace coldload::records {

// One look at the GPUs.
struct GpuReading {
  std::optional<double> memory_mib;  // of the tree; else in use beyond what was before launch
  std::optional<double> utilization_percent;  // of the busiest GPU
  std::optional<double> pcie_rx_bytes_per_s;  // of all GPUs together
};

// One row. What was not looked at for it, or is not known, is not there.
struct TimelineSample {
  double t_s = 0;                              // since launch
  std::optional<std::uint64_t> storage_bytes;  // since launch
  std::optional<std::uint64_t> read_calls;     // since launch, all processes of the tree
  std::optional<double> cpu_s;                 // since launch, all processes of the tree
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> page_cache_bytes;
  GpuReading gpu;
};

// An array of objects with the names above; what is not there is null.
[[nodiscard]] text::json::array to_json(const std::vector<TimelineSample>& samples);
// The rows of such an array, in the order of time. What is no number that can be is taken as not
// known; a row without its time is left out.
[[nodiscard]] std::vector<TimelineSample> samples_of(const text::json::array& rows);

// CPU seconds of the tree between two times since launch. Nothing where rows that know them are too
// far from either time for a figure within about a tenth.
[[nodiscard]] std::optional<double> cpu_between(const std::vector<TimelineSample>& samples,
                                                double from_s, double to_s);

}  // namespace coldload::records
