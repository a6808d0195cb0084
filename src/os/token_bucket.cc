#include "os/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace coldload::os {

TokenBucket::TokenBucket(double units_per_s, std::chrono::nanoseconds credit)
    : units_per_s_(units_per_s), credit_(credit) {}

os::TimePoint TokenBucket::reserve(double units, os::TimePoint now) {
  constexpr double k_ns_per_s = 1e9;
  if (free_at_ < now - credit_) {
    free_at_ = now - credit_;
    fraction_ns_ = 0;
  }
  const double taken_ns = units / units_per_s_ * k_ns_per_s + fraction_ns_;
  const double whole_ns = std::floor(taken_ns);
  fraction_ns_ = taken_ns - whole_ns;
  free_at_ += std::chrono::nanoseconds(static_cast<std::int64_t>(whole_ns));
  return std::max(free_at_, now);
}

double TokenBucket::available(os::TimePoint now) const {
  const os::TimePoint since = std::max(free_at_, now - credit_);
  return since >= now ? 0 : os::seconds_between(since, now) * units_per_s_;
}

}  // namespace coldload::os
