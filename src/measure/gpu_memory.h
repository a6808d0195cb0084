// The GPU memory that a target has at ready, and by which method it is known.
//
// Layer: measure. Pure functions over what NVML said.
#pragma once

#include <optional>
#include <string>

namespace coldload::measure {

struct GpuMemory {
  std::optional<double> used_mib;
  std::string source;  // the method, or why there is no figure
};

// `of_tree_mib`: what the target's own processes hold; `used_mib` and `baseline_mib`: in use on all
// GPUs now, and before the launch. Each may be unknown.
[[nodiscard]] GpuMemory gpu_memory_of(std::optional<double> of_tree_mib,
                                      std::optional<double> used_mib,
                                      std::optional<double> baseline_mib);

}  // namespace coldload::measure
