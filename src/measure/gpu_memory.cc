#include "measure/gpu_memory.h"

#include <thread>

#include <fmt/format.h>

#include "os/clock.h"

namespace coldload::measure {

GpuMemory gpu_memory_of(std::optional<double> of_tree_mib, std::optional<double> used_mib,
                        std::optional<double> baseline_mib, GpusServe gpus) {
  if (of_tree_mib) return {of_tree_mib, "nvml, sum over the target's processes"};
  if (gpus == GpusServe::several_at_once) {
    return {std::nullopt,
            "other servers may have used the same GPUs, and NVML does not tell what each process "
            "holds"};
  }
  if (!used_mib) return {std::nullopt, "NVML does not tell the memory in use"};
  if (!baseline_mib) {
    return {std::nullopt, "NVML did not tell the memory in use before the launch"};
  }
  constexpr double k_noise_mib = 16;
  const double more_mib = *used_mib - *baseline_mib;
  if (more_mib <= k_noise_mib) return {std::nullopt, "the target uses no GPU memory"};
  return {more_mib, "nvml, used minus used before launch"};
}

GpuReleaseLimits release_limits(GpusServe gpus) {
  // Until the others have given their first token, too, and are ended.
  constexpr std::chrono::minutes k_others_end{3};
  GpuReleaseLimits limits;
  if (gpus == GpusServe::several_at_once) limits.patience = k_others_end;
  return limits;
}

std::optional<std::string> gpu_memory_still_used(
    const std::function<std::optional<double>()>& used_mib, std::optional<double> baseline_mib,
    const GpuReleaseLimits& limits) {
  if (!baseline_mib) return std::nullopt;
  const os::TimePoint deadline = os::Clock::now() + limits.patience;
  while (true) {
    const auto used = used_mib();
    if (used && *used <= *baseline_mib + limits.tolerance_mib) return std::nullopt;
    if (os::Clock::now() < deadline) {
      std::this_thread::sleep_for(limits.pause);
      continue;
    }
    const double waited_s = os::Seconds(limits.patience).count();
    if (!used) {
      return fmt::format(
          "whether its GPU memory is free again is not known: for {:.0f} s NVML did not tell what "
          "is in use, as it did before the launch (nvidia-smi shows whether the GPU still answers)",
          waited_s);
    }
    return fmt::format(
        "{:.0f} MiB of GPU memory are still in use {:.0f} s after its end, {:.0f} MiB before its "
        "launch (nvidia-smi shows whose they are; end that process)",
        *used, waited_s, *baseline_mib);
  }
}

}  // namespace coldload::measure
