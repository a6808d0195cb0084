// How many reads of storage are kept in flight: found by measuring while they run.
//
// Layer: load. Reads no clock.
#pragma once

#include <cstdint>

#include "os/clock.h"

namespace coldload::load {

// Doubles the limit as long as that brings at least a twentieth more bytes per second, goes back
// where it does not, and tries again now and then: a disk is satisfied early, a network mount whose
// rate is requests in flight over latency wants more.
//
// Not thread-safe.
class InFlightLimit {
 public:
  // Between `first` and `most`, both at least 1.
  InFlightLimit(unsigned first, unsigned most);

  [[nodiscard]] unsigned limit() const { return limit_; }
  // A read of `bytes` has arrived at `now`. `pressed`: more reads wait than the limit lets through;
  // else the rate is not the limit's doing and proves nothing.
  void arrived(os::TimePoint now, std::uint64_t bytes, bool pressed);

 private:
  void begin_measuring(os::TimePoint now);
  void judge(double bytes_per_s, os::TimePoint now);

  const unsigned most_;
  unsigned limit_;
  unsigned best_limit_;
  double best_bytes_per_s_ = 0;
  os::TimePoint settled_until_{};  // the limit stays as it is until then
  unsigned passing_;               // arrivals that still belong to the limit before
  os::TimePoint measured_since_{};
  std::uint64_t arrivals_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace coldload::load
