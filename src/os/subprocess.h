// Child processes with one owner.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "os/clock.h"
#include "os/fd.h"

namespace coldload::os {

using Environment = std::vector<std::pair<std::string, std::string>>;

// Our own, as it was at the start or has been set since.
[[nodiscard]] Environment own_environment();

// As argv[0]: this program once more, whatever is under its name by now. The child is called
// coldload.
inline constexpr const char* k_own_program = "/proc/self/exe";

struct Command {
  std::vector<std::string> argv;  // argv[0] is searched in PATH; no shell
  std::string executable;         // what is run instead of argv[0]; empty: argv[0]
  // Added to, or replacing values of, our own environment.
  Environment environment;
  std::string working_directory;  // empty: ours
};

struct SpawnOptions : Command {
  int stdin_fd = -1;                    // -1: /dev/null
  int stdout_fd = -1;                   // -1: ours
  int stderr_fd = -1;                   // -1: ours
  bool new_session = false;             // setsid: own session and process group
  std::vector<int> inherited_fds = {};  // stay open in the child under the same numbers
  // What the child starts with ignored; all others: the default. In our own session it also ignores
  // what we were started to ignore, as its terminal and its shell are ours.
  std::vector<int> ignored_signals = {};
  // Start in this cgroup v2, a directory that is open; where the kernel refuses, in ours.
  int cgroup_fd = -1;
};

// How a child ended.
struct ExitStatus {
  int code = 0;    // valid if signal == 0
  int signal = 0;  // the signal that killed it
  // False where somebody else waited for it, or the kernel did: then it counts as exit code 1.
  bool known = true;
  [[nodiscard]] bool success() const { return code == 0 && signal == 0; }
  // "exit code 3", "killed by SIGKILL".
  [[nodiscard]] std::string text() const;
};
// From what waitpid(2) tells of a process that has ended.
[[nodiscard]] ExitStatus exit_status(int raw);

// One child. Destruction kills (SIGKILL) and reaps what still runs.
class Subprocess {
 public:
  // Starts the child with default signal handling but for ignored_signals. A command that is not
  // found or cannot be executed throws SystemError here (EXIT status 127 never has to be guessed
  // at).
  explicit Subprocess(SpawnOptions options);
  ~Subprocess();
  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&&) = delete;
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The instant just before the child was created.
  [[nodiscard]] TimePoint launched_at() const { return launched_at_; }
  // A pidfd that polls readable when the child ends; -1 where the kernel has none.
  [[nodiscard]] int pid_fd() const { return pid_fd_.get(); }

  // Reaps without waiting; nothing while it runs.
  std::optional<ExitStatus> try_wait();
  // Waits at most until `deadline`.
  std::optional<ExitStatus> wait_until(TimePoint deadline);
  ExitStatus wait();
  // Waits at most until `deadline` for its end, but does not reap it; whether it has ended.
  [[nodiscard]] bool ended_by(TimePoint deadline) const;
  void send_signal(int number) const noexcept;
  // SIGKILL to the process group of a child with a session of its own, so to what it has started,
  // too. Nothing once the child has been reaped: its number may be another group's then.
  void kill_group() const noexcept;
  // The child now ends on its own: it is neither killed nor reaped on destruction.
  void detach() { detached_ = true; }

 private:
  pid_t pid_ = -1;
  TimePoint launched_at_;
  Fd pid_fd_;
  std::optional<ExitStatus> status_;
  bool detached_ = false;
};

// Runs `command` with `sh -c`, its output to our stderr; returns how it ended.
[[nodiscard]] ExitStatus run_shell(const std::string& command, const Environment& environment = {});

}  // namespace coldload::os
