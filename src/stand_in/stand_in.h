// A stand-in for a network mount: a directory shown at a given rate and latency by a server
// process of our own, mounted for as long as its owner lives.
//
// The server is another process, so that its reads are not on the measuring process's account. It
// leaves nothing behind: it unmounts and ends when its owner ends, however that happens, and the
// owner unmounts where the server was killed.
//
// Layer: stand_in. Knows nothing of model formats.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "os/dylib.h"
#include "os/subprocess.h"
#include "stand_in/description.h"

namespace coldload::stand_in {

// Where the mount point is empty: a private one that ends in the source's name.
struct Options : Setup {
  // Further ones of the same server, each as another client's: with a page cache of its own.
  std::vector<std::string> more_mount_points;
  bool detached = false;  // keep no descriptor of the terminal: for a background server
  std::string program = os::k_own_program;  // coldload: run as `PROGRAM shape --serve ...`
};

// Whether this process may mount a stand-in; the reason says what to do where it may not.
[[nodiscard]] os::Availability available();

// Owns one mounted stand-in and the process that serves it.
class StandIn {
 public:
  // Checks source and mount point, mounts, and returns once reads can begin. Measures nothing;
  // `known` (what was measured before) becomes part of the description. Throws os::Error.
  explicit StandIn(const Options& options, const Description& known = {});
  // Unmounts, ends and reaps the server, removes the directories that were made.
  ~StandIn();
  StandIn(StandIn&& other) noexcept;
  StandIn& operator=(StandIn&&) = delete;
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  // Where the source is seen: the first mount point.
  [[nodiscard]] const std::string& path() const;
  // All of them, in the order of the options.
  [[nodiscard]] std::vector<std::string> mount_points() const;
  // The server's process: not part of any target's tree.
  [[nodiscard]] pid_t pid() const;
  // Polls readable when the server has ended; -1 where the kernel has no pidfds.
  [[nodiscard]] int pid_fd() const;
  // Whether the server still runs.
  [[nodiscard]] bool serving();
  // Waits for the server's end.
  os::ExitStatus wait();
  [[nodiscard]] const Description& description() const;
  // Fails every request that waits, now and later: whoever hangs on the mount goes on with an
  // error. Thread-safe.
  void abort() noexcept;

 private:
  struct Process;
  std::unique_ptr<Process> process_;
};

// The stand-in that `path` lies on, described by itself; nothing where it lies on none or nobody
// answers.
[[nodiscard]] std::optional<Description> describe(const std::string& path);

}  // namespace coldload::stand_in
