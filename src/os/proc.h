// What /proc says about processes.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coldload::os {

// One line of /proc/PID/stat, as far as we need it.
struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';               // 'Z' is a zombie: it waits to be reaped and runs nothing
  int threads = 0;                // a zombie with more than one: its first thread alone has ended
  std::uint64_t start_ticks = 0;  // since boot; with pid, names a process for good
  double cpu_s = 0;               // user and system time, reaped children not included
  double reaped_cpu_s = 0;        // that of the children that it has reaped
  std::uint64_t resident_bytes = 0;
  std::string name;  // comm: 15 characters at most
};

// Nothing where the process is gone.
[[nodiscard]] std::optional<ProcessInfo> process_info(pid_t pid);
// From the text of /proc/PID/stat; nothing where it is none. The process itself chose its name.
[[nodiscard]] std::optional<ProcessInfo> parse_process_stat(pid_t pid, std::string_view text);

// Every process that /proc shows, in the order of their numbers. Their numbers alone cost a
// twentieth.
[[nodiscard]] std::vector<pid_t> all_pids();
[[nodiscard]] std::vector<ProcessInfo> all_processes();

// `root`'s live descendants (zombies too), parents before children, `root` itself not included.
[[nodiscard]] std::vector<ProcessInfo> descendants(pid_t root);
// The same among processes that are known already.
[[nodiscard]] std::vector<ProcessInfo> descendants(pid_t root,
                                                   const std::vector<ProcessInfo>& processes);

// What a process, all its threads and the children that it has reaped have read (/proc/PID/io).
struct ReadAccount {
  std::uint64_t bytes = 0;  // read_bytes: what storage delivered
  std::uint64_t calls = 0;  // syscr: read(2) and its kin, of anything; not recv(2), not mmap
};

// Nothing where the process is gone or we may not look.
[[nodiscard]] std::optional<ReadAccount> read_account(pid_t pid);
// The read calls of our own threads that live: what read_account() of ourselves has beyond them is
// the reaped children's, and that of threads that have ended.
[[nodiscard]] std::uint64_t own_threads_read_calls();

// Whether the process discards the accounting of its children by ignoring SIGCHLD.
[[nodiscard]] bool ignores_sigchld(pid_t pid);
// Whether it has locked any of its memory.
[[nodiscard]] bool locks_memory(pid_t pid);
// Whether the calling thread has a capability (CAP_FOWNER, ...) in effect.
[[nodiscard]] bool has_capability(unsigned number);

// comm: 15 characters at most, and no argument; "?" where the process is gone.
[[nodiscard]] std::string program_name(pid_t pid);
// argv joined by blanks, cut at `limit` characters; comm where argv is empty.
[[nodiscard]] std::string command_line(pid_t pid, std::size_t limit = 80);

}  // namespace coldload::os
