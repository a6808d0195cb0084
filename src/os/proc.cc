#include "os/proc.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <span>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/file.h"
#include "os/kernel_text.h"
#include "os/mapping.h"
#include "os/path.h"

namespace coldload::os {

namespace {

std::string proc_path(pid_t pid, const char* leaf) { return fmt::format("/proc/{}/{}", pid, leaf); }

// One read(2), for what is asked many times a second: /proc's files answer whole.
std::optional<std::string_view> try_read_once(const char* path, std::span<char> buffer) {
  const Fd file(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), {});
  if (!file.valid()) return std::nullopt;
  const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
  if (got < 0) return std::nullopt;
  return std::string_view(buffer.data(), static_cast<std::size_t>(got));
}

// No stream, no buffer to be cleared.
std::optional<std::string_view> read_proc(pid_t pid, const char* leaf, std::span<char> buffer) {
  std::array<char, 64> path{};
  *fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/{}", pid, leaf).out = '\0';
  return try_read_once(path.data(), buffer);
}

// The number behind a key of /proc/PID/status; 0 where there is none.
std::uint64_t status_number(pid_t pid, std::string_view key, int base) {
  std::array<char, 16384> buffer;
  const auto text = read_proc(pid, "status", buffer);
  return number_after(text.value_or(""), key, base).value_or(0);
}

ReadAccount parse_read_account(std::string_view text) {
  return {number_after(text, "read_bytes:").value_or(0), number_after(text, "syscr:").value_or(0)};
}

// The entries of a folder of /proc that are numbers.
std::vector<pid_t> numbers_in(const char* folder) {
  std::vector<pid_t> numbers;
  for_each_name(folder, [&](std::string_view name) {
    pid_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
    return true;
  });
  return numbers;
}

}  // namespace

std::optional<ProcessInfo> process_info(pid_t pid) {
  std::array<char, 4096> buffer;
  const auto text = read_proc(pid, "stat", buffer);
  return text ? parse_process_stat(pid, *text) : std::nullopt;
}

std::optional<ProcessInfo> parse_process_stat(pid_t pid, std::string_view text) {
  // The name is in parentheses and may itself hold blanks and parentheses.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  // Fields 3 to 24 of proc(5).
  constexpr std::size_t k_first = 3;
  std::array<std::string_view, 22> fields{};
  std::string_view rest = text.substr(close + 1);
  for (std::string_view& field : fields) field = next_word(&rest);
  if (fields.back().empty()) return std::nullopt;
  const auto number = [&fields](std::size_t field) {
    return number_of(fields[field - k_first]).value_or(0);
  };
  ProcessInfo info;
  info.pid = pid;
  info.name = text.substr(open + 1, close - open - 1);
  info.state = fields[0][0];
  info.parent = static_cast<pid_t>(number(4));
  info.threads = static_cast<int>(number(20));
  info.start_ticks = number(22);
  static const auto k_ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  info.cpu_s = static_cast<double>(number(14) + number(15)) / k_ticks_per_s;
  info.reaped_cpu_s = static_cast<double>(number(16) + number(17)) / k_ticks_per_s;
  info.resident_bytes = number(24) * page_size();
  return info;
}

std::vector<pid_t> all_pids() { return numbers_in("/proc"); }

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> processes;
  for (const pid_t pid : all_pids()) {
    if (auto info = process_info(pid)) processes.push_back(std::move(*info));
  }
  return processes;
}

std::vector<ProcessInfo> descendants(pid_t root) { return descendants(root, all_processes()); }

std::vector<ProcessInfo> descendants(pid_t root, const std::vector<ProcessInfo>& processes) {
  std::multimap<pid_t, const ProcessInfo*> by_parent;
  for (const ProcessInfo& info : processes) by_parent.emplace(info.parent, &info);
  std::vector<ProcessInfo> found;
  std::vector<pid_t> parents{root};
  while (!parents.empty()) {
    std::vector<pid_t> next;
    for (const pid_t parent : parents) {
      const auto [first, last] = by_parent.equal_range(parent);
      for (auto it = first; it != last; ++it) {
        next.push_back(it->second->pid);
        found.push_back(*it->second);
      }
    }
    parents = std::move(next);
  }
  return found;
}

std::optional<ReadAccount> read_account(pid_t pid) {
  std::array<char, 1024> buffer;
  const auto text = read_proc(pid, "io", buffer);
  if (!text || text->empty()) return std::nullopt;
  return parse_read_account(*text);
}

std::uint64_t own_threads_read_calls() {
  std::uint64_t calls = 0;
  std::array<char, 1024> buffer;
  for (const pid_t thread : numbers_in("/proc/self/task")) {
    const std::string path = fmt::format("/proc/self/task/{}/io", thread);
    if (const auto text = try_read_once(path.c_str(), buffer)) {
      calls += parse_read_account(*text).calls;
    }
  }
  return calls;
}

bool ignores_sigchld(pid_t pid) {
  constexpr int k_sigchld = 17;
  return ((status_number(pid, "SigIgn:", 16) >> (k_sigchld - 1)) & 1U) != 0;
}

bool locks_memory(pid_t pid) { return status_number(pid, "VmLck:", 10) > 0; }

bool has_capability(unsigned number) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  constexpr unsigned k_bits = 32;
  return ::syscall(SYS_capget, &header, sets.data()) == 0 &&
         ((sets[number / k_bits].effective >> (number % k_bits)) & 1U) != 0;
}

std::string program_name(pid_t pid) {
  return try_read_text(proc_path(pid, "comm"), 4096).value_or("?");
}

std::string command_line(pid_t pid, std::size_t limit) {
  std::string text = try_read_text(proc_path(pid, "cmdline"), 1 << 20).value_or("");
  std::replace(text.begin(), text.end(), '\0', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  if (text.empty()) text = program_name(pid);
  if (text.size() > limit) text = text.substr(0, limit) + "...";
  return text;
}

}  // namespace coldload::os
