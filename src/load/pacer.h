// The schedule of reads at a network's pace: when each request would be done.
//
// Layer: load.
#pragma once

#include <cstdint>
#include <mutex>

#include "load/loader.h"
#include "os/clock.h"

namespace coldload::load {

// One link shared by all readers: requests pass through it one after the other at the rate, and
// each is done one latency later. An idle link saves up no credit. Thread-safe; reads no clock.
class Pacer {
 public:
  explicit Pacer(const Pacing& pacing) : pacing_(pacing) {}

  // When a request made at `now` has arrived.
  [[nodiscard]] os::TimePoint arrival(os::TimePoint now, std::uint64_t bytes);

 private:
  const Pacing pacing_;
  std::mutex mutex_;
  os::TimePoint link_free_at_{};
};

}  // namespace coldload::load
