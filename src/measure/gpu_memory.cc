#include "measure/gpu_memory.h"

namespace coldload::measure {

GpuMemory gpu_memory_of(std::optional<double> of_tree_mib, std::optional<double> used_mib,
                        std::optional<double> baseline_mib) {
  if (of_tree_mib) return {of_tree_mib, "nvml, sum over the target's processes"};
  if (!used_mib) return {std::nullopt, "NVML does not tell the memory in use"};
  if (!baseline_mib) {
    return {std::nullopt, "NVML did not tell the memory in use before the launch"};
  }
  constexpr double k_noise_mib = 16;
  const double more_mib = *used_mib - *baseline_mib;
  if (more_mib <= k_noise_mib) return {std::nullopt, "the target uses no GPU memory"};
  return {more_mib, "nvml, used minus used before launch"};
}

}  // namespace coldload::measure
