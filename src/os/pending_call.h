// A call into the kernel that may never return: what a thread is about to wait for, where another
// can see it.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "os/clock.h"
#include "os/error.h"

namespace coldload::os {

// A call that did not return in time. A thread waits in it for good and is left behind with what it
// uses: a program of its own should now _exit.
class StallError : public Error {
 public:
  using Error::Error;
};

// What one thread waits for. Written by that thread, read by the one that watches; between two
// calls that one may see a call that has just returned.
class PendingCall {
 public:
  // `path` must live as long as the threads do: until the process ends, if they hang.
  void begin_open(const std::string& path) { begin(path, k_open); }
  void begin_read(const std::string& path, std::uint64_t offset) { begin(path, offset); }
  void begin_write(const std::string& path, std::uint64_t offset) { begin(path, offset | k_write); }
  void end() { since_ns_ = 0; }

  // "the read of /mnt/x at offset 4096"; empty where nothing is pending.
  [[nodiscard]] std::string text() const;
  // The same after "cannot": "read /mnt/x at offset 4096".
  [[nodiscard]] std::string verb_text() const;
  // 0: nothing is pending.
  [[nodiscard]] std::int64_t since_ns() const { return since_ns_; }
  // For how long it has been pending; 0 where nothing is.
  [[nodiscard]] Clock::duration waited() const;

 private:
  static constexpr std::uint64_t k_open = ~std::uint64_t{0};
  static constexpr std::uint64_t k_write = std::uint64_t{1} << 63;  // beside the offset

  void begin(const std::string& path, std::uint64_t offset);
  [[nodiscard]] std::string told(const char* open, const char* read, const char* write) const;

  std::atomic<const std::string*> path_{nullptr};
  std::atomic<std::uint64_t> offset_{0};
  std::atomic<std::int64_t> since_ns_{0};
};

// Of several calls the one that is under way for the longest; null where none is.
template <typename Calls>
[[nodiscard]] const PendingCall* oldest(const Calls& calls) {
  const PendingCall* found = nullptr;
  std::int64_t found_ns = 0;
  for (const PendingCall& call : calls) {
    const std::int64_t since_ns = call.since_ns();
    if (since_ns == 0 || (found != nullptr && since_ns >= found_ns)) continue;
    found = &call;
    found_ns = since_ns;
  }
  return found;
}

// "cannot read /mnt/x at offset 4096: no answer for 60.0 s; ..." where `call` has waited for
// `patience`; empty where not, or where it is null.
[[nodiscard]] std::string stall_text(const PendingCall* call, Clock::duration patience);

}  // namespace coldload::os
