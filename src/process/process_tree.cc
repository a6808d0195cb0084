#include "process/process_tree.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <iterator>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"

namespace coldload::process {

namespace {

using std::chrono::milliseconds;

constexpr auto k_kill_limit = std::chrono::seconds(30);
constexpr auto k_patience_without_root = std::chrono::seconds(1);

bool is_dead(const os::ProcessInfo& info) {
  return (info.state == 'Z' && info.threads <= 1) || info.state == 'X';
}

std::vector<os::ProcessInfo> live(const std::vector<os::ProcessInfo>& seen) {
  std::vector<os::ProcessInfo> result;
  std::remove_copy_if(seen.begin(), seen.end(), std::back_inserter(result), is_dead);
  return result;
}

// Now, as /proc/PID/stat counts start times.
std::uint64_t now_ticks() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto ticks_per_s = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  constexpr std::uint64_t k_ns_per_s = 1'000'000'000;
  return static_cast<std::uint64_t>(now.tv_sec) * ticks_per_s +
         static_cast<std::uint64_t>(now.tv_nsec) * ticks_per_s / k_ns_per_s;
}

double reaped_cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto in_seconds = [](const timeval& value) {
    return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) * 1e-6;
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

// The read calls on an account of ours that are not our living threads'. The account is read before
// the threads' figures, so that this is too small rather than too large.
std::uint64_t reaped_calls(const os::ReadAccount& own) {
  const std::uint64_t living = os::own_threads_read_calls();
  return own.calls - std::min(own.calls, living);
}

// The process that was seen as it is now; nothing where it is gone, its number perhaps another's.
std::optional<os::ProcessInfo> look_again(const os::ProcessInfo& info) {
  auto now = os::process_info(info.pid);
  if (now && now->start_ticks != info.start_ticks) now.reset();
  return now;
}

// A handle on exactly the process that was seen.
os::Fd open_process(const os::ProcessInfo& info) {
  os::Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, info.pid, 0)), "pidfd");
  if (handle.valid() && !look_again(info)) handle.reset();
  return handle;
}

// Returns the handle that it was sent through.
os::Fd send_signal(const os::ProcessInfo& info, int number) {
  os::Fd handle = open_process(info);
  if (handle.valid()) {
    ::syscall(SYS_pidfd_send_signal, handle.get(), number, nullptr, 0);
  } else if (errno == ENOSYS && look_again(info)) {
    ::kill(info.pid, number);
  }
  return handle;
}

// The group of a process, where its session is none of `foreign` and it is still there after both
// were asked for by its number; else 0.
pid_t own_group(const os::ProcessInfo& info, const os::Fd& handle, const std::set<pid_t>& foreign) {
  const pid_t group = ::getpgid(info.pid);
  const bool is_ours = foreign.count(::getsid(info.pid)) == 0;
  pollfd ended{handle.get(), POLLIN, 0};
  return handle.valid() && ::poll(&ended, 1, 0) == 0 && is_ours ? group : 0;
}

// Waits until one of the processes ends, at most until `until`.
void wait_for_change(const std::vector<os::ProcessInfo>& processes, os::TimePoint until) {
  constexpr std::size_t k_watched_limit = 64;
  constexpr auto k_patience = milliseconds(50);  // then new processes are looked for
  std::vector<os::Fd> handles;
  std::vector<pollfd> entries;
  for (const os::ProcessInfo& info : processes) {
    if (entries.size() == k_watched_limit) break;
    os::Fd handle = open_process(info);
    if (!handle.valid()) continue;
    entries.push_back({handle.get(), POLLIN, 0});
    handles.push_back(std::move(handle));
  }
  const os::TimePoint now = os::Clock::now();
  const os::TimePoint least = now + milliseconds(1);
  (void)os::poll_until(entries,
                       entries.empty() ? least : std::clamp(until, least, now + k_patience));
}

}  // namespace

ProcessTree::ProcessTree() : self_(::getpid()) {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    throw os::SystemError("become a subreaper of", "the server's processes", errno);
  }
  for (const os::ProcessInfo& info : os::descendants(self_)) excluded_.insert(identity(info));
  begin_ticks_ = now_ticks();
  own_before_ = os::read_account(self_);
  if (own_before_) own_before_->calls = reaped_calls(*own_before_);
  reaped_cpu_before_s_ = reaped_cpu_s();
}

void ProcessTree::set_guard(pid_t guard) {
  const std::lock_guard lock(mutex_);
  const auto info = os::process_info(guard);
  if (!info) return;
  guard_ = identity(*info);
  guard_before_ = os::read_account(guard).value_or(os::ReadAccount());
}

void ProcessTree::set_root(pid_t root) {
  const std::lock_guard lock(mutex_);
  // Not there: a guard has reaped it already.
  if (const auto info = os::process_info(root)) root_ = identity(*info);
}

void ProcessTree::set_cgroup(const os::Cgroup* group) {
  const std::lock_guard lock(mutex_);
  cgroup_ = group;
}

std::vector<os::ProcessInfo> ProcessTree::look() {
  return without_excluded(os::descendants(self_));
}

std::vector<os::ProcessInfo> ProcessTree::without_excluded(
    std::vector<os::ProcessInfo> descendants) {
  std::vector<os::ProcessInfo> found;
  std::set<pid_t> apart;
  for (os::ProcessInfo& info : descendants) {
    if (guard_ == identity(info)) continue;
    // Below an excluded process now or earlier, or older than the tree (an orphan of one).
    const bool is_apart = apart.count(info.parent) != 0 || excluded_.count(identity(info)) != 0 ||
                          info.start_ticks < begin_ticks_;
    if (is_apart) {
      apart.insert(info.pid);
      excluded_.insert(identity(info));
    } else {
      found.push_back(std::move(info));
    }
  }
  return found;
}

std::vector<os::ProcessInfo> ProcessTree::quick_look() {
  const os::TimePoint now = os::Clock::now();
  const bool anew = now >= forget_at_;
  if (anew) {
    strangers_.clear();
    asked_.clear();
  }
  std::vector<os::ProcessInfo> processes;
  for (const pid_t pid : os::all_pids()) {
    if (strangers_.count(pid) != 0) continue;
    if (auto info = os::process_info(pid)) processes.push_back(std::move(*info));
  }
  if (anew) {
    // Reading one costs some 3 us: this keeps it under 0.2 % of a core.
    constexpr auto k_per_process = milliseconds(2);
    constexpr milliseconds k_least = std::chrono::seconds(1);
    const milliseconds pause = k_per_process * static_cast<int>(processes.size());
    forget_at_ = now + std::max(k_least, pause);
  }
  std::vector<os::ProcessInfo> below = os::descendants(self_, processes);
  std::unordered_set<pid_t> ours{self_};
  for (const os::ProcessInfo& info : below) ours.insert(info.pid);
  // Whose parent is not known to be a stranger may be ours, its parent having ended just now.
  for (const os::ProcessInfo& info : processes) {
    if (ours.count(info.pid) == 0 && (info.parent == 0 || strangers_.count(info.parent) != 0)) {
      strangers_.insert(info.pid);
    }
  }
  return without_excluded(std::move(below));
}

// Only those that are ours to wait for, each by its pid: other parts of the program have children.
// A root that was a guard's comes to us where the guard was killed.
void ProcessTree::reap(const std::vector<os::ProcessInfo>& seen) const {
  for (const os::ProcessInfo& info : seen) {
    if (is_dead(info) && info.parent == self_ && (guard_ || identity(info) != root_)) {
      ::waitpid(info.pid, nullptr, WNOHANG);
    }
  }
}

std::vector<os::ProcessInfo> ProcessTree::members() {
  const std::lock_guard lock(mutex_);
  const std::vector<os::ProcessInfo> seen = look();
  reap(seen);
  return live(seen);
}

StorageRead ProcessTree::add_up_reads(const std::optional<os::ReadAccount>& own,
                                      const std::vector<os::ProcessInfo>& seen,
                                      std::uint64_t* calls) {
  StorageRead result;
  if (!own || !own_before_) {
    result.reason = "the kernel keeps no I/O accounts (/proc/self/io is missing)";
  }
  std::uint64_t bytes = 0;
  if (const auto info = guard()) {
    const os::ReadAccount read = os::read_account(info->pid).value_or(os::ReadAccount());
    bytes = read.bytes;
    *calls += read.calls;
  }
  for (const os::ProcessInfo& info : seen) {
    const auto read = os::read_account(info.pid);
    if (read) {
      bytes += read->bytes;
      *calls += read->calls;
    } else if (const auto now = look_again(info); now && !is_dead(*now)) {
      result.reason = fmt::format(
          "the I/O account of pid {} ({}) is closed to us: it runs as another user or is not "
          "dumpable; run coldload as root",
          info.pid, info.name);
    }
  }
  result.lost_children = lost_children_;
  if (!result.reason.empty()) return result;
  bytes += own->bytes - own_before_->bytes;
  // What the guard read before the launch is on its account, or on ours once it has been reaped.
  result.bytes = bytes - std::min(bytes, guard_before_.bytes);
  *calls -= std::min(*calls, guard_before_.calls);
  return result;
}

std::optional<os::ProcessInfo> ProcessTree::guard() const {
  if (!guard_) return std::nullopt;
  const auto info = os::process_info(guard_->first);
  return info && identity(*info) == *guard_ ? info : std::nullopt;
}

Usage ProcessTree::add_up_usage(const std::vector<os::ProcessInfo>& seen) const {
  Usage usage;
  usage.cpu_s = reaped_cpu_s() - reaped_cpu_before_s_;
  if (const auto info = guard()) usage.cpu_s += info->reaped_cpu_s;
  for (const os::ProcessInfo& info : seen) {
    usage.cpu_s += info.cpu_s + info.reaped_cpu_s;
    if (is_dead(info)) continue;
    usage.resident_bytes += info.resident_bytes;
    ++usage.processes;
  }
  return usage;
}

TreeSample ProcessTree::sample(Look look) {
  const std::lock_guard lock(mutex_);
  TreeSample sample;
  const auto own = os::read_account(self_);  // before all others: see StorageRead
  std::uint64_t calls = own ? reaped_calls(*own) : 0;
  if (own_before_) calls -= std::min(calls, own_before_->calls);
  if (look == Look::anew) forget_at_ = {};
  const std::vector<os::ProcessInfo> seen = quick_look();
  for (const os::ProcessInfo& info : seen) {
    if (asked_.insert(info.pid).second && os::ignores_sigchld(info.pid)) lost_children_ = true;
  }
  sample.reads = add_up_reads(own, seen, &calls);
  if (sample.reads.bytes) sample.read_calls = calls;
  sample.usage = add_up_usage(seen);
  for (const os::ProcessInfo& info : live(seen)) sample.pids.push_back(info.pid);
  return sample;
}

// Whether nothing was seen, twice. The dead count as something: what starts a successor and ends,
// again and again, can be between two looks each time, but leaves its dead to us. And a process
// whose parent is reaped while /proc is being read can be missed once.
bool ProcessTree::gone() {
  const std::lock_guard lock(mutex_);
  for (int look_number = 0; look_number < 2; ++look_number) {
    const std::vector<os::ProcessInfo> seen = look();
    reap(seen);
    const bool any = std::any_of(seen.begin(), seen.end(), [&](const os::ProcessInfo& info) {
      return !is_dead(info) || guard_ || identity(info) != root_;
    });
    if (any) return false;
  }
  return true;
}

// A server's root ends what it started, in its own order, and a SIGTERM to all at once can break
// that. What is there without a root is told to end: at once where the root had ended before, a
// moment after it where it may have told them already.
void ProcessTree::ask_to_end(os::TimePoint deadline) {
  std::set<Identity> asked;
  os::TimePoint ask_all_at = os::Clock::now();
  while (!gone()) {
    const std::vector<os::ProcessInfo> alive = members();
    const os::TimePoint now = os::Clock::now();
    const bool has_root = std::any_of(alive.begin(), alive.end(),
                                      [&](const auto& info) { return identity(info) == root_; });
    if (has_root) ask_all_at = now + k_patience_without_root;
    for (const os::ProcessInfo& info : alive) {
      if (identity(info) != root_ && now < ask_all_at) continue;
      if (asked.insert(identity(info)).second) send_signal(info, SIGTERM);
    }
    if (now >= deadline) return;
    wait_for_change(alive, deadline);
  }
}

std::vector<Survivor> ProcessTree::stop(std::chrono::nanoseconds grace) {
  ask_to_end(os::Clock::now() + grace);
  const os::TimePoint kill_deadline = os::Clock::now() + k_kill_limit;
  while (!gone() && os::Clock::now() < kill_deadline) {
    freeze_and_kill();
    wait_for_change(members(), kill_deadline);
  }
  std::vector<Survivor> survivors;
  for (const os::ProcessInfo& info : members()) {
    survivors.push_back({info.pid, os::command_line(info.pid)});
  }
  return survivors;
}

// Processes that start others faster than we can look are stopped before they are killed. A whole
// process group is signalled at once, which no fork can outrun. A group is the tree's alone if its
// session is: only descendants of the process that began a session are in it. Its number stays its
// own while one of it is there: a member that we have stopped before.
void ProcessTree::freeze_and_kill() {
  constexpr int k_passes = 16;
  std::set<Identity> frozen;
  std::set<pid_t> groups;
  if (cgroup_ != nullptr) cgroup_->kill();
  for (int pass = 0; pass < k_passes; ++pass) {
    std::set<pid_t> foreign_sessions{::getsid(0)};
    const std::vector<os::ProcessInfo> alive = members();
    {
      const std::lock_guard lock(mutex_);
      for (const Identity& excluded : excluded_) foreign_sessions.insert(::getsid(excluded.first));
      if (guard_) foreign_sessions.insert(::getsid(guard_->first));
    }
    bool any_new = false;
    for (const os::ProcessInfo& info : alive) {
      if (!frozen.insert(identity(info)).second) continue;
      any_new = true;
      const os::Fd handle = send_signal(info, SIGSTOP);
      const pid_t group = own_group(info, handle, foreign_sessions);
      if (group > 0 && groups.insert(group).second) ::kill(-group, SIGSTOP);
    }
    if (!any_new) break;
  }
  for (const os::ProcessInfo& info : members()) {
    const os::Fd handle = send_signal(info, SIGSTOP);  // a new one, perhaps
    const pid_t group = own_group(info, handle, {});
    if (groups.erase(group) != 0) ::kill(-group, SIGKILL);
    send_signal(info, SIGKILL);
  }
}

}  // namespace coldload::process
