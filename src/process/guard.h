// The process between coldload and a server, which ends the server when coldload cannot any more.
//
// coldload may be killed at any instant, with SIGKILL too; an API server's engine would then keep
// the GPU for good. So a server is started by a guard: a small process that sees coldload's end by
// the end of their control socket, and all of whose descendants stay below it (it is a subreaper).
// The server is launched once the guard is up and waits, so the guard's own start is no part of
// what is measured.
//
// Layer: process. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "os/cgroup.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/subprocess.h"

namespace coldload::process {

// What a guard is given to watch.
enum class Charge {
  server,  // in a session and, where one may be made, a cgroup of its own; ends with coldload,
           // whole
  // A line of the user's: in our session, as our terminal is its. What it leaves behind when it has
  // ended stays; coldload's end ends it before.
  hook,
};

// What the command of a hook's guard ends with.
inline constexpr const char* k_hook_word = "hook";

// coldload's side.
class Guard {
 public:
  // Starts the guard and waits until it is ready; `command` is what calls run_guard, less its
  // arguments. Stdout and stderr of the guard, and then of the server, are `output_fd`. Throws
  // os::Error; in the start of a server also where an interrupt has come.
  Guard(const std::vector<std::string>& command, int output_fd, Charge charge = Charge::server);
  ~Guard() { release(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Launches the server: own session, stdin from /dev/null. Throws os::SystemError where the
  // command is not found or cannot be executed, and os::Error where that takes too long or is
  // interrupted. Call once.
  void launch(const os::Command& command);
  // Lets go: a guard that has nothing left below it ends, any other ends that first. One that takes
  // longer than a few seconds is not waited for.
  void release() noexcept;

  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  // Of the launched server. The guard reaps it as soon as it ends.
  [[nodiscard]] pid_t server() const { return server_; }
  // The instant just before the server was created, by the guard's own clock.
  [[nodiscard]] os::TimePoint launched_at() const { return launched_at_; }
  // When its program had been started.
  [[nodiscard]] os::TimePoint spawned_at() const { return spawned_at_; }
  // The server's own group, made by the guard where it may make one; else null.
  [[nodiscard]] const os::Cgroup* cgroup() const { return cgroup_ ? &*cgroup_ : nullptr; }
  // Polls readable when the server or the guard has ended.
  [[nodiscard]] int fd() const { return control_.get(); }

  // How the server ended, if it has.
  [[nodiscard]] std::optional<os::ExitStatus> try_wait() { return wait_until({}); }
  [[nodiscard]] std::optional<os::ExitStatus> wait_until(os::TimePoint deadline);
  // Whether the guard itself ended before the server did: somebody killed it.
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  void wake() const;

  Charge charge_;
  os::Fd control_;
  std::optional<os::Subprocess> process_;
  std::optional<os::Cgroup> cgroup_;
  pid_t server_ = -1;
  os::TimePoint launched_at_;
  os::TimePoint spawned_at_;
  std::optional<os::ExitStatus> exit_;
  bool lost_ = false;
};

// The guard's side: waits for the command on `control_fd`, launches it, reaps everything below, and
// returns when nothing is left there. Where the other end of `control_fd` closes, it ends what is
// left: SIGTERM, a few seconds, SIGKILL. A hook's returns as soon as that has ended.
void run_guard(int control_fd, Charge charge);

}  // namespace coldload::process
