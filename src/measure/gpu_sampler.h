// The GPUs' figures while a target loads, gathered on a thread of their own: NVML blocks, for 20 ms
// per GPU where it measures PCIe, and for longer while a driver starts.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include <sys/types.h>

#include "gpu/nvml.h"
#include "os/crew.h"
#include "records/timeline.h"

namespace coldload::measure {

// Samples from construction to destruction. Without NVML it starts no thread and knows nothing.
class GpuSampler {
 public:
  // `baseline_mib`: in use on all GPUs before launch.
  GpuSampler(const gpu::Nvml& nvml, std::optional<double> baseline_mib);
  ~GpuSampler();
  GpuSampler(const GpuSampler&) = delete;
  GpuSampler& operator=(const GpuSampler&) = delete;

  // What is new since the last call. `pids`: the tree's processes, for the next look.
  [[nodiscard]] records::GpuReading take(const std::vector<pid_t>& pids);
  // CPU seconds of the thread so far.
  [[nodiscard]] double cpu_s();

 private:
  void run();
  [[nodiscard]] std::optional<double> memory_mib(const std::vector<pid_t>& pids) const;

  const gpu::Nvml& nvml_;
  const std::optional<double> baseline_mib_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool finished_ = false;
  std::vector<pid_t> pids_;
  records::GpuReading newest_;
  double cpu_s_ = 0;
  os::Crew thread_;
};

}  // namespace coldload::measure
