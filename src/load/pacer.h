// The schedule of reads at a network's pace: when each request would be done.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "load/loader.h"
#include "os/clock.h"
#include "os/token_bucket.h"

namespace coldload::load {

// One link shared by all readers: requests pass through it one after the other at the rate, and
// each is done one latency later. An idle link saves up no credit. Thread-safe; reads no clock.
class Pacer {
 public:
  explicit Pacer(const Pacing& pacing)
      : latency_(pacing.latency), link_(pacing.rate_bytes_per_s, std::chrono::nanoseconds(0)) {}

  // When a request made at `now` has arrived.
  [[nodiscard]] os::TimePoint arrival(os::TimePoint now, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    return link_.reserve(static_cast<double>(bytes), now) + latency_;
  }

 private:
  const std::chrono::nanoseconds latency_;
  std::mutex mutex_;
  os::TokenBucket link_;
};

}  // namespace coldload::load
