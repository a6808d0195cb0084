// GPU names and memory through NVML, opened at run time.
//
// Layer: gpu. Knows nothing of models, storage or servers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "os/dylib.h"

namespace coldload::gpu {

struct GpuInfo {
  std::string name;
  std::uint64_t memory_mib = 0;
  std::string uuid;  // the same for whoever sees this GPU; empty: not told
};

// One opened NVML. Not thread-safe for construction; calls are.
class Nvml {
 public:
  // Never throws: without a driver, availability() says why, and every list is empty.
  Nvml();
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  [[nodiscard]] const os::Availability& availability() const { return availability_; }
  [[nodiscard]] std::string driver_version() const;
  [[nodiscard]] std::vector<GpuInfo> devices() const;

  // Used memory of all GPUs in MiB, as nvidia-smi counts. Nothing without NVML.
  [[nodiscard]] std::optional<double> used_mib() const;
  // The memory that these processes hold on all GPUs, in MiB. Nothing where NVML does not say
  // (inside containers it answers the host's pids, which match none of ours).
  [[nodiscard]] std::optional<double> used_mib_by(const std::vector<pid_t>& pids) const;

  // False where a GPU has no memory of its own: it works in the machine's. Nothing where NVML knows
  // of no GPU.
  [[nodiscard]] std::optional<bool> gpus_have_own_memory() const;

  // Percent of the last sample period (up to a second) in which a kernel ran; of several GPUs the
  // busiest. Nothing where one of them does not tell.
  [[nodiscard]] std::optional<double> utilization_percent() const;
  // Bytes per second that all GPUs together receive over PCIe. The driver measures for some 20 ms
  // per GPU, in which the call blocks. Nothing where one of them does not tell.
  [[nodiscard]] std::optional<double> pcie_rx_bytes_per_s() const;

 private:
  struct Api;
  std::unique_ptr<Api> api_;
  os::Availability availability_;
};

}  // namespace coldload::gpu
