#include "os/memory.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>

#include "os/file.h"
#include "os/kernel_text.h"

namespace coldload::os {

namespace {

std::optional<std::uint64_t> meminfo_bytes(const std::string& root, std::string_view key) {
  const auto kib = number_after(try_read_text(root + "/proc/meminfo").value_or(""), key);
  return kib ? std::optional(*kib * 1024) : std::nullopt;
}

// What the cgroup at `folder` still allows: limit minus use, page cache not counted as use. Files
// in memory and locked ones are on no list of file pages, but in all other figures that name files.
std::optional<std::uint64_t> cgroup_room(const std::string& folder, const char* limit_name,
                                         const char* usage_name, const std::string& prefix) {
  const auto limit = number_of(try_read_text(folder + limit_name).value_or(""));
  const auto usage = number_of(try_read_text(folder + usage_name).value_or(""));
  constexpr std::uint64_t k_no_limit = std::uint64_t{1} << 60;
  if (!limit || !usage || *limit >= k_no_limit) return std::nullopt;
  const std::string stat = try_read_text(folder + "/memory.stat").value_or("");
  const std::uint64_t cache = number_after(stat, prefix + "active_file ").value_or(0) +
                              number_after(stat, prefix + "inactive_file ").value_or(0);
  const std::uint64_t held = *usage - std::min(*usage, cache);
  return *limit - std::min(*limit, held);
}

std::optional<std::uint64_t> least_cgroup_room(const std::string& machine) {
  std::optional<std::uint64_t> least;
  std::istringstream lines(try_read_text(machine + "/proc/self/cgroup").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    // hierarchy:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool v2 = controllers.empty();
    if (!v2 && controllers.find("memory") == std::string::npos) continue;
    const std::string root = machine + (v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory");
    while (true) {
      const auto room = v2 ? cgroup_room(root + path, "/memory.max", "/memory.current", "")
                           : cgroup_room(root + path, "/memory.limit_in_bytes",
                                         "/memory.usage_in_bytes", "total_");
      if (room) least = std::min(least.value_or(*room), *room);
      const std::size_t slash = path.rfind('/');
      if (path.empty() || path == "/" || slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return least;
}

}  // namespace

std::optional<std::uint64_t> total_memory_bytes() { return meminfo_bytes("", "MemTotal:"); }

std::optional<std::uint64_t> free_memory_bytes() { return meminfo_bytes("", "MemFree:"); }

std::optional<std::uint64_t> available_memory_bytes() { return available_memory_bytes_at(""); }

std::optional<std::uint64_t> available_memory_bytes_at(const std::string& root) {
  const auto available = meminfo_bytes(root, "MemAvailable:");
  const auto room = least_cgroup_room(root);
  if (!available) return room;
  return room ? std::min(*available, *room) : available;
}

}  // namespace coldload::os
