#include "measure/gpu_release.h"

#include <thread>

#include <fmt/format.h>

#include "os/clock.h"

namespace coldload::measure {

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

std::optional<std::string> gpu_memory_still_used(const gpu::Nvml& nvml,
                                                 std::optional<double> baseline_mib) {
  return gpu_memory_still_used([&] { return nvml.used_mib(); }, baseline_mib);
}

}  // namespace coldload::measure
