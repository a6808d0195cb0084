// A token bucket as a schedule: when will the units asked for now have gone through?
//
// Instead of counting tokens it keeps the instant at which the line is free again (virtual
// scheduling, ITU-T I.371). Nothing sleeps here: the caller waits, in whatever way it likes, and
// a late caller does not slow the line down.
//
// Layer: os. Knows nothing of files or model formats.
#pragma once

#include <chrono>

#include "os/clock.h"

namespace coldload::os {

// Not thread-safe: the owner serialises, so that grants follow the order of arrival.
class TokenBucket {
 public:
  // `units_per_s` > 0: bytes, or requests. `credit`: how much unused line time an idle bucket
  // saves up, and so the largest burst: units_per_s * credit.
  TokenBucket(double units_per_s, std::chrono::nanoseconds credit);

  // Takes `units` off the line and returns the instant at which the last of them is through:
  // never before `now`. `now` must not go backwards by more than the credit.
  [[nodiscard]] os::TimePoint reserve(double units, os::TimePoint now);

  // Units that would go through at once.
  [[nodiscard]] double available(os::TimePoint now) const;

 private:
  double units_per_s_;
  std::chrono::nanoseconds credit_;
  os::TimePoint free_at_;   // the line is taken until then
  double fraction_ns_ = 0;  // part of free_at_ below one nanosecond: no rate is lost to rounding
};

}  // namespace coldload::os
