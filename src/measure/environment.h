// The machine: what a reader needs to know to place the numbers.
//
// Layer: measure. Knows nothing of how records are shown.
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

// In words, where this process's CPU or I/O priority is another than a server's usually is: what it
// starts inherits them. Empty where neither is set.
[[nodiscard]] std::string own_priorities();

// How fast a counter grew; nothing where it is not known, or began anew.
[[nodiscard]] std::optional<double> growth_per_s(std::optional<std::uint64_t> before,
                                                 std::optional<std::uint64_t> after,
                                                 double seconds);

// What else kept this machine busy, looked at for about 100 ms.
struct Quiet {
  // CPU seconds per second, ours included (we sleep meanwhile); nothing where it is not told
  std::optional<double> busy_cores;
  std::optional<double> disk_bytes_per_s;  // read and written on the device, if there is one
};

// `device_stat`: /sys/dev/block/M:m/stat of the device to watch; empty for none.
[[nodiscard]] Quiet look_for_others(const std::string& device_stat);

}  // namespace coldload::measure
