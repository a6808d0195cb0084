#include "measure/environment.h"

#include <array>
#include <sstream>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/memory.h"

namespace coldload::measure {

namespace {

// The text after "key" and separators on its line; empty if there is none.
std::string value_of(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.rfind(key, 0) != 0) continue;
    const std::size_t begin = line.find_first_not_of(" \t:=\"", key.size());
    if (begin == std::string::npos) return "";
    const std::size_t end = line.find_last_not_of(" \t\"");
    return line.substr(begin, end - begin + 1);
  }
  return "";
}

// Of all cores, in ticks, without idle and iowait.
std::optional<std::uint64_t> busy_ticks() {
  const auto stat = os::try_read_text("/proc/stat");
  if (!stat) return std::nullopt;
  std::istringstream fields(value_of(*stat, "cpu "));
  std::uint64_t busy = 0;
  std::uint64_t value = 0;
  // user nice system idle iowait irq softirq steal (guest is in user already)
  for (int field = 0; field < 8; ++field) {
    if (!(fields >> value)) return std::nullopt;
    if (field != 3 && field != 4) busy += value;
  }
  return busy;
}

// Sectors read and written: fields 3 and 7 of a block device's stat.
std::optional<std::uint64_t> device_bytes(const std::string& stat) {
  const auto text = os::try_read_text(stat);
  if (!text) return std::nullopt;
  std::istringstream fields(*text);
  std::array<std::uint64_t, 7> values{};
  for (std::uint64_t& value : values) {
    if (!(fields >> value)) return std::nullopt;
  }
  constexpr std::uint64_t k_sector_bytes = 512;
  return (values[2] + values[6]) * k_sector_bytes;
}

// As ionice(1) names the classes; the kernel's numbers (ioprio_set(2)).
std::string io_priority() {
  constexpr int k_of_process = 1;
  constexpr unsigned k_class_shift = 13;
  const long value = ::syscall(SYS_ioprio_get, k_of_process, 0);
  switch (value < 0 ? 0 : static_cast<unsigned long>(value) >> k_class_shift) {
    case 1:
      return "realtime";
    case 3:
      return "idle";
    default:
      return "";  // as usual: best effort, by the CPU's priority
  }
}

}  // namespace

std::string own_priorities() {
  const int nice = ::getpriority(PRIO_PROCESS, 0);
  const std::string io = io_priority();
  std::string words;
  if (nice != 0) words = fmt::format("nice {}", nice);
  if (!io.empty()) words += fmt::format("{}I/O class {}", words.empty() ? "" : ", ", io);
  return words;
}

text::json::object describe_machine(const gpu::Nvml& nvml, const std::string& coldload_version,
                                    const std::string& coldload_commit) {
  text::json::object out;
  const std::string release = os::try_read_text("/etc/os-release").value_or("");
  out["os"] = value_of(release, "PRETTY_NAME");
  utsname kernel{};
  ::uname(&kernel);
  out["kernel"] = kernel.release;
  out["machine"] = kernel.machine;
  out["cpu"] = value_of(os::try_read_text("/proc/cpuinfo").value_or(""), "model name");
  out["cores"] = std::thread::hardware_concurrency();
  out["memory_bytes"] = text::or_null(os::total_memory_bytes());
  text::json::array gpus;
  for (const gpu::GpuInfo& gpu : nvml.devices()) {
    gpus.push_back(
        {{"name", gpu.name}, {"memory_mib", gpu.memory_mib}, {"driver", nvml.driver_version()}});
  }
  out["gpu_reason"] = gpus.empty()
                          ? text::json::value(nvml.availability().ok ? "NVML lists no GPU"
                                                                     : nvml.availability().reason)
                          : nullptr;
  out["gpus"] = std::move(gpus);
  out["coldload"] = {{"version", coldload_version}, {"commit", coldload_commit}};
  return out;
}

std::optional<double> growth_per_s(std::optional<std::uint64_t> before,
                                   std::optional<std::uint64_t> after, double seconds) {
  if (!before || !after || *after < *before) return std::nullopt;
  return static_cast<double>(*after - *before) / seconds;
}

Quiet look_for_others(const std::string& device_stat) {
  const auto busy_before = busy_ticks();
  const auto disk_before = device_bytes(device_stat);
  const os::TimePoint begin = os::Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const double elapsed_s = os::seconds_between(begin, os::Clock::now());
  Quiet quiet;
  quiet.busy_cores = growth_per_s(busy_before, busy_ticks(), elapsed_s);
  if (quiet.busy_cores) *quiet.busy_cores /= static_cast<double>(::sysconf(_SC_CLK_TCK));
  quiet.disk_bytes_per_s = growth_per_s(disk_before, device_bytes(device_stat), elapsed_s);
  return quiet;
}

}  // namespace coldload::measure
