// The GPU memory of a target: what it has at ready, and that it is free again after its end.
//
// Layer: measure. Functions over what NVML says.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace coldload::measure {

struct GpuMemory {
  std::optional<double> used_mib;
  std::string source;  // the method, or why there is no figure
};

enum class GpusServe { one_target, several_at_once };

// `of_tree_mib`: what the target's own processes hold; `used_mib` and `baseline_mib`: in use on all
// GPUs now, and before the launch. Each may be unknown.
[[nodiscard]] GpuMemory gpu_memory_of(std::optional<double> of_tree_mib,
                                      std::optional<double> used_mib,
                                      std::optional<double> baseline_mib,
                                      GpusServe gpus = GpusServe::one_target);

struct GpuReleaseLimits {
  double tolerance_mib = 64;
  std::chrono::nanoseconds patience = std::chrono::seconds(20);
  std::chrono::nanoseconds pause = std::chrono::milliseconds(100);
};

[[nodiscard]] GpuReleaseLimits release_limits(GpusServe gpus);

// An engine that was left behind keeps the GPU, and the driver takes its time to free what a killed
// process had; the next trial would start on a GPU that is not empty.
//
// Waits until `used_mib` is at `baseline_mib` or near it. Nothing where it gets there, or where
// there is no baseline; else what is still used, or that nobody tells, and what to do, in words.
[[nodiscard]] std::optional<std::string> gpu_memory_still_used(
    const std::function<std::optional<double>()>& used_mib, std::optional<double> baseline_mib,
    const GpuReleaseLimits& limits = {});

}  // namespace coldload::measure
