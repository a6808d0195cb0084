// One launch of a server command: started, watched until it is ready, stopped with all that it
// left behind.
//
// Layer: process. Knows no server by name.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.h"
#include "os/fd.h"
#include "os/subprocess.h"
#include "process/bounded_log.h"
#include "process/end_cause.h"
#include "process/guard.h"
#include "process/log_pump.h"
#include "process/process_tree.h"
#include "process/readiness_probe.h"
#include "text/redact.h"

namespace coldload::process {

inline constexpr std::chrono::seconds k_default_grace{15};

// Placeholders in the command are already replaced.
struct LaunchOptions : os::Command {
  std::shared_ptr<const os::Fd> log;  // stdout and stderr of the whole tree
  std::uint64_t log_limit_bytes = k_default_log_limit_bytes;
  bool echo = false;       // the same to our stderr
  OnOutput on_output;      // each piece of output, stamped; see LogPump
  text::Redactor secrets;  // taken out of the output
  std::string ready_url;
  // The command of the server's guard; see Guard.
  std::vector<std::string> guard{os::k_own_program, "guard"};
  std::chrono::nanoseconds timeout = std::chrono::seconds(1800);  // launch -> ready
};

enum class Outcome {
  ready,
  exited,  // the server ended before it was ready
  timed_out,
  interrupted,  // os::interrupted()
  not_ours,     // another process than the server's answers at its port
};

struct Readiness {
  Outcome outcome = Outcome::exited;
  std::optional<os::TimePoint> port_open_at;  // the first connection that was accepted
  std::optional<os::TimePoint> ready_at;      // the first 200
  std::string reason;                         // in words; empty when ready
};

class ServerProcess {
 public:
  // Launches, through a guard: own session, stdin from /dev/null, output to the log; in a cgroup of
  // its own where we may make one. Throws os::Error where the port
  // is taken or something already answers at the ready URL, and os::SystemError where the command
  // is not found or the log cannot be written.
  explicit ServerProcess(const LaunchOptions& options);
  // Stops what still runs, with a short grace.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] os::TimePoint launched_at() const { return guard_.launched_at(); }
  [[nodiscard]] os::TimePoint spawned_at() const { return guard_.spawned_at(); }
  [[nodiscard]] pid_t pid() const { return guard_.server(); }

  // Waits until the server is ready, has ended, the time is up or the user interrupts. `on_tick` is
  // called about every `tick` meanwhile, on this thread: it delays what it takes. A command that
  // starts the server in the background and exits with 0 has not ended while its tree lives. Throws
  // os::SystemError where the log cannot be written, and what on_tick or on_output throw.
  [[nodiscard]] Readiness wait_ready(
      const std::function<void()>& on_tick = {},
      std::chrono::nanoseconds tick = std::chrono::milliseconds(100));

  // In words how the server ended, if it has: for the time after ready. A tree that is found empty
  // has ended at the second look.
  [[nodiscard]] std::optional<std::string> ended();
  // The same, for who asks once: waits for the second look (a tenth of a second at most).
  [[nodiscard]] std::optional<std::string> ended_by_now();

  // Ends the whole tree and the log; see ProcessTree::stop. May be called again.
  [[nodiscard]] std::vector<Survivor> stop(std::chrono::nanoseconds grace = k_default_grace);
  // After stop(): why not all of the output has been written or passed on, in words; empty: it has.
  // What goes wrong before the server is ready, wait_ready() throws.
  [[nodiscard]] std::string why_output_is_cut();
  // After stop(): waits until another server could listen at the port, at most `limit`; else says
  // who holds it.
  [[nodiscard]] std::optional<std::string> port_still_held(
      std::chrono::nanoseconds limit = std::chrono::seconds(5)) const;

  [[nodiscard]] ProcessTree& tree() { return tree_; }

 private:
  void wait_for_events(const ReadinessProbe& probe, os::TimePoint until) const;
  [[nodiscard]] Readiness confirm_ready(Readiness result);

  LaunchOptions options_;
  ReadyUrl url_;
  bool makes_socket_ = false;  // there was no file at the Unix socket's path
  LogPump pump_;
  const std::optional<std::uint64_t> memory_kills_before_ = memory_kills();
  ProcessTree tree_;  // before the guard: it notes who was there already
  Guard guard_;
  std::optional<os::ExitStatus> exit_;
  os::TimePoint next_tree_look_{};
  bool tree_was_empty_ = false;
};

}  // namespace coldload::process
