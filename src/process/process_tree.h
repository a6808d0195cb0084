// A server's whole process tree: who belongs to it, what it has read, and its end.
//
// We make ourselves a child subreaper, so that every process that a server leaves behind (orphaned,
// daemonised, in a session of its own) stays below us in the tree. Whatever descends from us now
// and did not when the tree was set up is the server's; what was there before (a stand-in's file
// server, say), and everything below it, is not, and is never signalled or reaped. A guard (see
// process/guard.h) stands between us and the server and belongs to neither: its children are the
// tree's.
//
// Layer: process. Thread-safe: a sampler may look while another thread waits or stops.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "os/cgroup.h"
#include "os/clock.h"
#include "os/proc.h"

namespace coldload::process {

// What the tree made storage deliver. How it is counted (proc(5), task_io_accounting): every
// process has its own counter; a parent that waits for a dead child adds the child's counter to its
// own. So the sum over the live processes, dead ones that nobody has waited for, and what our own
// counter and the guard's have grown by since they were set up (children that they reaped) has
// every byte once. While the tree changes, parents are read before children, we ourselves first: a
// child that dies in between is missing from this sum and is in its parent's next time. A sum can
// therefore be too small, never too large: keep the largest. Our own growth also holds what this
// very process and its other children read from storage meanwhile: read nothing large between
// launch and stop.
struct StorageRead {
  std::optional<std::uint64_t> bytes;
  // A process of the tree ignores SIGCHLD, now or at an earlier look: what its dead children read
  // is in no counter, so `bytes` may be too small.
  bool lost_children = false;
  std::string reason;  // why there are no bytes
};

struct Usage {
  // Of the tree since its start, dead processes included; a dead guard's own milliseconds, too.
  double cpu_s = 0;
  std::uint64_t resident_bytes = 0;  // the live processes' sum; shared pages count for each
  std::size_t processes = 0;
};

// One look at the tree, for a sampler.
struct TreeSample {
  StorageRead reads;
  // read(2) calls, counted and summed as the bytes are; our own threads' are left out, but for
  // threads of ours that have ended since the tree was set up. Nothing where `reads` has no bytes.
  std::optional<std::uint64_t> read_calls;
  Usage usage;
  std::vector<pid_t> pids;  // of the live processes
};

// A process that could not be stopped.
struct Survivor {
  pid_t pid = 0;
  std::string command_line;
};

class ProcessTree {
 public:
  // Makes this process a subreaper, and sets apart all descendants that it has now. Build it just
  // before the launch.
  ProcessTree();
  ~ProcessTree() = default;
  ProcessTree(const ProcessTree&) = delete;
  ProcessTree& operator=(const ProcessTree&) = delete;

  // The process that is about to launch the root, with no descendants yet. Its owner reaps it.
  void set_guard(pid_t guard);
  // The process that was launched. Its owner reaps it, nobody else; where there is a guard, that.
  void set_root(pid_t root);
  // A group that the server was launched in, for stop(). Borrowed.
  void set_cgroup(const os::Cgroup* group);

  // The tree's live processes, parents before children. Reaps its dead orphans on the way.
  [[nodiscard]] std::vector<os::ProcessInfo> members();

  // A quick look is cheap enough to be taken many times a second on a machine with thousands of
  // processes: what has been seen to be no descendant of ours is not read again for a while (it
  // cannot become one). Were its number given to a process of the tree within that while, this look
  // alone would miss it; one anew, members() and stop() would not. Whether a process ignores
  // SIGCHLD is asked as rarely, and when it is first seen.
  enum class Look { quick, anew };
  [[nodiscard]] TreeSample sample(Look look = Look::quick);

  // Ends the tree. SIGTERM to the root alone, which is to end the others in its own order; what is
  // there without a root gets SIGTERM, too. After `grace` SIGKILL to all, until none is left.
  // Returns those that are still there after half a minute of that (stuck in the kernel); empty
  // when all are gone. Only processes that are verified members are signalled, and the cgroup.
  [[nodiscard]] std::vector<Survivor> stop(std::chrono::nanoseconds grace);

 private:
  using Identity = std::pair<pid_t, std::uint64_t>;  // pid and start time: never used twice
  static Identity identity(const os::ProcessInfo& info) { return {info.pid, info.start_ticks}; }

  // Zombies too; mutex_ is held.
  std::vector<os::ProcessInfo> look();
  std::vector<os::ProcessInfo> quick_look();
  std::vector<os::ProcessInfo> without_excluded(std::vector<os::ProcessInfo> descendants);
  StorageRead add_up_reads(const std::optional<os::ReadAccount>& own,
                           const std::vector<os::ProcessInfo>& seen, std::uint64_t* calls);
  [[nodiscard]] Usage add_up_usage(const std::vector<os::ProcessInfo>& seen) const;
  void reap(const std::vector<os::ProcessInfo>& seen) const;
  [[nodiscard]] std::optional<os::ProcessInfo> guard() const;  // while it is there
  bool gone();
  void ask_to_end(os::TimePoint deadline);
  void freeze_and_kill();

  std::mutex mutex_;
  pid_t self_;
  Identity root_{-1, 0};
  std::optional<Identity> guard_;
  os::ReadAccount guard_before_;
  const os::Cgroup* cgroup_ = nullptr;
  std::uint64_t begin_ticks_ = 0;
  std::optional<os::ReadAccount> own_before_;  // its calls: reaped_calls()
  double reaped_cpu_before_s_ = 0;
  std::set<Identity> excluded_;
  bool lost_children_ = false;
  std::unordered_set<pid_t> strangers_;  // known to be no descendants of ours
  std::unordered_set<pid_t> asked_;      // whether they ignore SIGCHLD
  os::TimePoint forget_at_;              // both of these
};

}  // namespace coldload::process
