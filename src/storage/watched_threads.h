// Threads that wait in the kernel for a mount that may never answer.
//
// A thread says what it is about to wait for. The caller gets all of them back, or an error that
// names the call that hangs; the threads are then left behind with all that they use.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/clock.h"
#include "os/error.h"

namespace coldload::storage {

// A call that did not return in time. Threads wait in it for good: a program of its own should now
// _exit.
class StallError : public os::Error {
 public:
  using os::Error::Error;
};

// What one thread waits for. Written by that thread, read by the one that watches.
class PendingCall {
 public:
  // `path` must live as long as the threads do: until the process ends, if they hang.
  void begin_open(const std::string& path) { begin(path, k_open); }
  void begin_read(const std::string& path, std::uint64_t offset) { begin(path, offset); }
  void begin_write(const std::string& path, std::uint64_t offset) { begin(path, offset | k_write); }
  void end() { since_ns_ = 0; }

  // "the read of /mnt/x at offset 4096"; empty where nothing is pending.
  [[nodiscard]] std::string text() const;
  // 0: nothing is pending.
  [[nodiscard]] std::int64_t since_ns() const { return since_ns_; }
  // For how long it has been pending; 0 where nothing is.
  [[nodiscard]] double waited_s() const;

 private:
  static constexpr std::uint64_t k_open = ~std::uint64_t{0};
  static constexpr std::uint64_t k_write = std::uint64_t{1} << 63;  // beside the offset

  void begin(const std::string& path, std::uint64_t offset);

  std::atomic<const std::string*> path_{nullptr};
  std::atomic<std::uint64_t> offset_{0};
  std::atomic<std::int64_t> since_ns_{0};
};

// What the one that waits does every 100 ms: it looks at the threads' calls and says how long to
// wait at most.
using WatchTick = std::function<os::TimePoint(const std::vector<PendingCall>& calls)>;

// Of several calls the one that is under way for the longest; null where none is.
[[nodiscard]] const PendingCall* oldest(const std::vector<PendingCall>& calls);

// As below, with a moment to give up that may change: `tick` runs in the caller's thread.
void run_watched(unsigned count, const WatchTick& tick,
                 std::function<void(unsigned, PendingCall&)> body);

// Calls body(index, call) in `count` threads and waits for all. Rethrows the first exception.
// Throws StallError where one has not returned at `give_up`: whatever `body` uses must be owned by
// it. Throws os::Error where the threads cannot be started; `body` has then run in none of them.
void run_watched(unsigned count, os::TimePoint give_up,
                 std::function<void(unsigned, PendingCall&)> body);

}  // namespace coldload::storage
