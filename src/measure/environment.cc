#include "measure/environment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string_view>
#include <thread>

#include <sys/utsname.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

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

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> meminfo_bytes(std::string_view key) {
  const auto kib = number_of(value_of(os::try_read_text("/proc/meminfo").value_or(""), key));
  return kib ? std::optional(*kib * 1024) : std::nullopt;
}

// What the cgroup at `folder` still allows: limit minus use, page cache not counted as use.
std::optional<std::uint64_t> cgroup_room(const std::string& folder, const char* limit_name,
                                         const char* usage_name, std::string_view cache_key) {
  const auto limit = number_of(os::try_read_text(folder + limit_name).value_or(""));
  const auto usage = number_of(os::try_read_text(folder + usage_name).value_or(""));
  constexpr std::uint64_t k_no_limit = std::uint64_t{1} << 60;
  if (!limit || !usage || *limit >= k_no_limit) return std::nullopt;
  const std::string stat = os::try_read_text(folder + "/memory.stat").value_or("");
  const std::uint64_t cache = number_of(value_of(stat, cache_key)).value_or(0);
  const std::uint64_t held = *usage - std::min(*usage, cache);
  return *limit - std::min(*limit, held);
}

std::optional<std::uint64_t> least_cgroup_room() {
  std::optional<std::uint64_t> least;
  std::istringstream lines(os::try_read_text("/proc/self/cgroup").value_or(""));
  std::string line;
  while (std::getline(lines, line)) {
    // hierarchy:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool v2 = controllers.empty();
    if (!v2 && controllers.find("memory") == std::string::npos) continue;
    const std::string root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    while (true) {
      const auto room = v2 ? cgroup_room(root + path, "/memory.max", "/memory.current", "file ")
                           : cgroup_room(root + path, "/memory.limit_in_bytes",
                                         "/memory.usage_in_bytes", "total_cache ");
      if (room) least = std::min(least.value_or(*room), *room);
      const std::size_t slash = path.rfind('/');
      if (path.empty() || path == "/" || slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return least;
}

struct CpuTicks {
  std::uint64_t busy = 0;
  std::uint64_t idle = 0;
};

CpuTicks cpu_ticks() {
  std::istringstream fields(value_of(os::try_read_text("/proc/stat").value_or(""), "cpu "));
  CpuTicks ticks;
  std::uint64_t value = 0;
  // user nice system idle iowait irq softirq steal (guest is in user already)
  for (int field = 0; field < 8 && fields >> value; ++field) {
    (field == 3 || field == 4 ? ticks.idle : ticks.busy) += value;
  }
  return ticks;
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

}  // namespace

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
  out["memory_bytes"] = text::or_null(meminfo_bytes("MemTotal"));
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

std::optional<std::uint64_t> memory_for_page_cache() {
  const auto available = meminfo_bytes("MemAvailable");
  const auto room = least_cgroup_room();
  if (!available) return room;
  return room ? std::min(*available, *room) : available;
}

Quiet look_for_others(const std::string& device_stat) {
  const CpuTicks cpu_before = cpu_ticks();
  const auto disk_before = device_bytes(device_stat);
  const os::TimePoint begin = os::Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const double elapsed_s = os::seconds_between(begin, os::Clock::now());
  const CpuTicks cpu_after = cpu_ticks();
  const auto disk_after = device_bytes(device_stat);
  Quiet quiet;
  static const auto k_ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  quiet.busy_cores =
      static_cast<double>(cpu_after.busy - cpu_before.busy) / k_ticks_per_s / elapsed_s;
  if (disk_before && disk_after) {
    quiet.disk_bytes_per_s = static_cast<double>(*disk_after - *disk_before) / elapsed_s;
  }
  return quiet;
}

}  // namespace coldload::measure
