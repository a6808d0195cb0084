#include "load/in_flight.h"

#include <algorithm>
#include <chrono>

namespace coldload::load {

namespace {

constexpr double k_worthwhile_gain = 1.05;
constexpr std::chrono::milliseconds k_shortest_measurement{50};
constexpr std::chrono::seconds k_settled{2};

}  // namespace

InFlightLimit::InFlightLimit(unsigned first, unsigned most)
    : most_(most), limit_(std::min(first, most)), best_limit_(limit_), passing_(limit_) {}

void InFlightLimit::begin_measuring(os::TimePoint now) {
  measured_since_ = now;
  arrivals_ = 0;
  bytes_ = 0;
}

void InFlightLimit::arrived(os::TimePoint now, std::uint64_t bytes, bool pressed) {
  if (!pressed || now < settled_until_) {
    passing_ = limit_;
    return;
  }
  if (passing_ > 0) {
    if (--passing_ == 0) begin_measuring(now);
    return;
  }
  ++arrivals_;
  bytes_ += bytes;
  const auto elapsed = now - measured_since_;
  if (elapsed < k_shortest_measurement || arrivals_ < 2ULL * limit_) return;
  judge(static_cast<double>(bytes_) / os::Seconds(elapsed).count(), now);
  passing_ = limit_;
}

void InFlightLimit::judge(double bytes_per_s, os::TimePoint now) {
  const bool first_of_all = best_bytes_per_s_ == 0;
  if (first_of_all || bytes_per_s > best_bytes_per_s_ * k_worthwhile_gain) {
    best_bytes_per_s_ = bytes_per_s;
    best_limit_ = limit_;
  }
  if (best_limit_ == limit_ && limit_ < most_) {
    limit_ = std::min(limit_ * 2, most_);
    return;
  }
  // No gain, or no room: what was best so far, measured anew when it is tried again.
  limit_ = best_limit_;
  best_bytes_per_s_ = 0;
  settled_until_ = now + k_settled;
}

}  // namespace coldload::load
