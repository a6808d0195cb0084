// What loads the checkpoint, behind one small interface: an inference server or the native loader.
// Both are processes of their own; the driver does not know which it has.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "measure/plan.h"
#include "os/clock.h"
#include "os/fd.h"
#include "process/process_tree.h"
#include "process/server_process.h"
#include "records/record.h"

namespace coldload::measure {

struct LaunchRequest {
  std::string model_path;
  std::shared_ptr<const os::Fd> log;   // where the target's output goes
  std::optional<StandInRequest> pace;  // shape the native loader's reads (no FUSE here)
  bool read_ahead = false;             // a server's: by `coldload run`, as a user would
  std::string weights = {};            // what that is told of them; empty: nothing
};

struct FirstToken {
  std::optional<double> after_s;
  std::string reason;
};

// What a target's own output told of its start.
struct Account {
  std::vector<records::Phase> phases;  // until ready; empty unless it got ready
  text::json::object reported;         // what it said of itself, unchanged
  std::string explanation;             // of a failure, in words; empty where there is none
  std::string log_problem;             // why its log is not whole; empty where it is
  // Read with O_DIRECT, so past the page cache; only the native loader tells.
  std::optional<std::uint64_t> direct_bytes;
};

// Called now and then with the bytes loaded so far, if the target tells.
using LoadTick = std::function<void(std::optional<std::uint64_t>)>;

// One launched target. Destruction stops it.
class Launched {
 public:
  Launched() = default;
  Launched(const Launched&) = delete;
  Launched& operator=(const Launched&) = delete;
  virtual ~Launched() = default;

  // The instant just before the process was created.
  [[nodiscard]] virtual os::TimePoint launched_at() const = 0;
  // A server's: when its program had been started.
  [[nodiscard]] virtual std::optional<os::TimePoint> spawned_at() const { return std::nullopt; }
  [[nodiscard]] virtual const std::vector<std::string>& argv() const = 0;
  // Every process of the target and what it read. Safe from another thread while wait_ready runs.
  [[nodiscard]] virtual process::ProcessTree& tree() = 0;
  // Blocks until ready, failure, time-out or interrupt.
  virtual process::Readiness wait_ready(const LoadTick& tick) = 0;
  // After ready: asks for one token. Nothing where it has none to give; else seconds from the
  // request to the token, or why there is none.
  virtual std::optional<FirstToken> first_token() { return std::nullopt; }
  // Ends every process of it; returns what it left behind all the same, each in words with what to
  // do.
  virtual std::vector<std::string> stop() = 0;
  // After stop(), when its output is complete. `seen`: what wait_ready returned.
  [[nodiscard]] virtual Account account(const process::Readiness& seen) = 0;
};

// "process 4711 (python3 serve.py) could not be ended (kill -9 4711)" for each.
[[nodiscard]] std::vector<std::string> describe_survivors(
    const std::vector<process::Survivor>& survivors);

class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  // What would be run, for the plan; a port still to be chosen stays "{port}".
  [[nodiscard]] virtual std::vector<std::string> planned_argv(
      const std::string& model_path) const = 0;
  // For the plan, in words, a line each: what it was recognised as, what was added to its command,
  // where it is asked, and what is not as one may think. Empty: there is nothing to say.
  [[nodiscard]] virtual std::vector<std::string> about() const { return {}; }
  // For the plan: what else its launches start, take and write, each as a word and a line.
  struct Footprint {
    std::string kind;  // "start", "port", "write"
    std::string what;
  };
  [[nodiscard]] virtual std::vector<Footprint> footprint() const { return {}; }
  // What is the same for all its launches and not in the argv; empty: nothing.
  [[nodiscard]] virtual text::json::object facts() const { return {}; }
  // Whether this target's reads can be shaped without a mount.
  [[nodiscard]] virtual bool can_pace() const = 0;
  // What its next launch finds in its runtime caches: what earlier ones left, or nothing.
  enum class Caches { kept, emptied };
  // What a launch needs and takes time: before the page cache is looked at, and before each launch.
  virtual void prepare(Caches /*caches*/) {}
  // After prepare(): where its launches keep runtime caches (absolute, without links). Empty: it
  // has none.
  [[nodiscard]] virtual std::vector<std::string> cache_folders() const { return {}; }
  // Starts it. Throws os::Error where it cannot be started at all.
  [[nodiscard]] virtual std::unique_ptr<Launched> launch(const LaunchRequest& request) = 0;
};

}  // namespace coldload::measure
