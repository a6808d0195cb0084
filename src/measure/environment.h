// The machine: what a reader needs to know to place the numbers.
//
// Layer: measure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gpu/nvml.h"
#include "text/json.h"

namespace coldload::measure {

// {"os", "kernel", "cpu", "cores", "memory_bytes", "gpus": [...], "gpu_reason", "coldload": {...}}
[[nodiscard]] text::json::object describe_machine(const gpu::Nvml& nvml,
                                                  const std::string& coldload_version,
                                                  const std::string& coldload_commit);

// What else kept this machine busy, looked at for about 100 ms.
struct Quiet {
  double busy_cores = 0;  // CPU seconds per second, ours included (we sleep meanwhile)
  std::optional<double> disk_bytes_per_s;  // read and written on the device, if there is one
};

// `device_stat`: /sys/dev/block/M:m/stat of the device to watch; empty for none.
[[nodiscard]] Quiet look_for_others(const std::string& device_stat);

}  // namespace coldload::measure
