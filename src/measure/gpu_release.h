// GPU memory after a target's end: back to what it was before the launch, or a reason to stop.
//
// An engine that was left behind keeps the GPU, and the driver takes its time to free what a killed
// process had; the next trial would start on a GPU that is not empty.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "gpu/nvml.h"

namespace coldload::measure {

struct GpuReleaseLimits {
  double tolerance_mib = 64;
  std::chrono::nanoseconds patience = std::chrono::seconds(20);
  std::chrono::nanoseconds pause = std::chrono::milliseconds(100);
};

// Waits until `used_mib` is at `baseline_mib` or near it. Nothing where it gets there, or where
// there is no baseline; else what is still used, or that nobody tells, and what to do, in words.
[[nodiscard]] std::optional<std::string> gpu_memory_still_used(
    const std::function<std::optional<double>()>& used_mib, std::optional<double> baseline_mib,
    const GpuReleaseLimits& limits = {});

// The same of all GPUs that NVML shows.
[[nodiscard]] std::optional<std::string> gpu_memory_still_used(const gpu::Nvml& nvml,
                                                               std::optional<double> baseline_mib);

}  // namespace coldload::measure
