#include "stand_in/line.h"

#include <algorithm>

namespace coldload::stand_in {

Line::Line(const Pace& pace) : bytes_(pace.rate_bytes_per_s, k_credit) {
  if (pace.requests_per_s) requests_.emplace(*pace.requests_per_s, k_credit);
}

os::TimePoint Line::reserve(std::uint64_t bytes, os::TimePoint now) {
  const std::lock_guard lock(mutex_);
  os::TimePoint through = bytes_.reserve(static_cast<double>(bytes), now);
  if (requests_) through = std::max(through, requests_->reserve(1, now));
  return through;
}

}  // namespace coldload::stand_in
