#include "os/proc.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string_view>

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/file.h"
#include "os/mapping.h"

namespace coldload::os {

namespace {

std::string proc_path(pid_t pid, const char* leaf) { return fmt::format("/proc/{}/{}", pid, leaf); }

// The value of a "Key:\tvalue" line of /proc/PID/status or io.
std::optional<std::string_view> line_value(std::string_view text, std::string_view key) {
  std::size_t at = text.find(key);
  while (at != std::string_view::npos && at != 0 && text[at - 1] != '\n') {
    at = text.find(key, at + 1);
  }
  if (at == std::string_view::npos) return std::nullopt;
  at = text.find_first_not_of(" \t", at + key.size());
  if (at == std::string_view::npos) return std::nullopt;
  return text.substr(at, text.find('\n', at) - at);
}

}  // namespace

std::optional<ProcessInfo> process_info(pid_t pid) {
  const auto text = try_read_text(proc_path(pid, "stat"), 4096);
  if (!text) return std::nullopt;
  // The name is in parentheses and may itself hold blanks and parentheses.
  const std::size_t open = text->find('(');
  const std::size_t close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  info.name = text->substr(open + 1, close - open - 1);
  std::istringstream rest(text->substr(close + 1));
  // Fields 3 to 24 of proc(5).
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  std::uint64_t reaped_user_ticks = 0;
  std::uint64_t reaped_system_ticks = 0;
  std::uint64_t resident_pages = 0;
  std::string skipped;
  rest >> info.state >> info.parent;
  for (int field = 5; field <= 13; ++field) rest >> skipped;
  rest >> user_ticks >> system_ticks >> reaped_user_ticks >> reaped_system_ticks;
  rest >> skipped >> skipped >> info.threads >> skipped >> info.start_ticks >> skipped >>
      resident_pages;
  if (!rest) return std::nullopt;
  static const auto k_ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  info.cpu_s = static_cast<double>(user_ticks + system_ticks) / k_ticks_per_s;
  info.reaped_cpu_s = static_cast<double>(reaped_user_ticks + reaped_system_ticks) / k_ticks_per_s;
  info.resident_bytes = resident_pages * page_size();
  return info;
}

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> processes;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return processes;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (auto info = process_info(pid)) processes.push_back(std::move(*info));
  }
  ::closedir(directory);
  return processes;
}

std::vector<ProcessInfo> descendants(pid_t root) {
  std::multimap<pid_t, ProcessInfo> by_parent;
  for (ProcessInfo& info : all_processes()) by_parent.emplace(info.parent, std::move(info));
  std::vector<ProcessInfo> found;
  std::vector<pid_t> parents{root};
  while (!parents.empty()) {
    std::vector<pid_t> next;
    for (const pid_t parent : parents) {
      const auto [first, last] = by_parent.equal_range(parent);
      for (auto it = first; it != last; ++it) {
        next.push_back(it->second.pid);
        found.push_back(it->second);
      }
    }
    parents = std::move(next);
  }
  return found;
}

std::optional<std::uint64_t> storage_bytes_read(pid_t pid) {
  const auto text = try_read_text(proc_path(pid, "io"), 4096);
  if (!text) return std::nullopt;
  const auto value = line_value(*text, "read_bytes:");
  if (!value) return std::nullopt;
  std::uint64_t bytes = 0;
  std::from_chars(value->data(), value->data() + value->size(), bytes);
  return bytes;
}

bool ignores_sigchld(pid_t pid) {
  const auto text = try_read_text(proc_path(pid, "status"), 16384);
  if (!text) return false;
  const auto value = line_value(*text, "SigIgn:");
  if (!value) return false;
  std::uint64_t mask = 0;
  std::from_chars(value->data(), value->data() + value->size(), mask, 16);
  constexpr int k_sigchld = 17;
  return ((mask >> (k_sigchld - 1)) & 1U) != 0;
}

std::string command_line(pid_t pid, std::size_t limit) {
  std::string text = try_read_text(proc_path(pid, "cmdline"), 1 << 20).value_or("");
  std::replace(text.begin(), text.end(), '\0', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  if (text.empty()) text = try_read_text(proc_path(pid, "comm"), 4096).value_or("?");
  if (text.size() > limit) text = text.substr(0, limit) + "...";
  return text;
}

}  // namespace coldload::os
