#include "streams/stream_choice.h"

#include <algorithm>
#include <chrono>

namespace coldload::streams {

namespace {

constexpr double k_least_s = 0.1;
// Before the first trial where one costs something: a stream may begin slowly.
constexpr double k_first_s = 0.3;
// A rate is taken over so many times what the opening of a stream took: one that falls into it, or
// that it ends before, says little of how fast the stream is then.
constexpr double k_openings = 2;
constexpr double k_longest_opening_s = 1;
constexpr std::uint64_t k_bytes_per_stream = std::uint64_t{4} << 20;
// What is less than that of the best rate is no noise.
constexpr double k_less = 0.85;
// What was taken for better was luck, or is so no longer.
constexpr double k_collapse = 0.5;
// Twice the time that the best rate needs, and nobody has to wait for the rest.
constexpr double k_patience = 2;
// What is left takes as long as many a trial that fails.
constexpr double k_worth_s = 1;
constexpr std::chrono::seconds k_first_rest{2};
constexpr std::chrono::seconds k_second_rest{20};

}  // namespace

double StreamChoice::least_s() const {
  if (!left_bytes_) return k_least_s;
  return std::max(phase_ == Phase::first ? k_first_s : k_least_s, k_openings * opening_s_);
}

void StreamChoice::arrived(std::uint64_t bytes, bool wanted, os::TimePoint now) {
  if (left_bytes_) *left_bytes_ -= std::min(*left_bytes_, bytes);
  if (phase_ == Phase::settled) return;
  const double seconds = os::seconds_between(since_, now);
  if (phase_ == Phase::opening) {
    opening_s_ = std::min(seconds, k_longest_opening_s);
    return begin(Phase::first, streams_, now);
  }
  if (phase_ == Phase::rest) {
    if (now >= resume_ && wanted) begin(Phase::measure, streams_, now);
    return;
  }
  bytes_ += bytes;
  if (seconds < least_s()) return;
  const std::uint64_t needed = k_bytes_per_stream * streams_;
  const double rate = static_cast<double>(bytes_) / seconds;
  if (phase_ == Phase::more) {
    const double expected_s = static_cast<double>(needed) / best_bytes_per_s_;
    if (bytes_ < needed && seconds < least_s() + k_patience * expected_s) return;
    if (bytes_ < needed || rate < k_less * best_bytes_per_s_) return go_back(now);
    if (rate > best_bytes_per_s_) {
      best_bytes_per_s_ = rate;
      best_streams_ = streams_;
    }
    return go_on(wanted, now);
  }
  if (bytes_ < needed) return;
  if (streams_ > 1 && doubts_ > 0 && rate < k_collapse * best_bytes_per_s_) {
    --doubts_;
    best_streams_ = streams_ / 2;
    return begin(Phase::measure, best_streams_, now);
  }
  best_bytes_per_s_ = rate;
  best_streams_ = streams_;
  go_on(wanted, now);
}

void StreamChoice::begin(Phase phase, unsigned streams, os::TimePoint now) {
  phase_ = phase;
  streams_ = streams;
  since_ = now;
  bytes_ = 0;
}

bool StreamChoice::is_worth_a_trial() const {
  if (!left_bytes_) return true;
  const double failure_s = k_worth_s + k_openings * opening_s_;
  return static_cast<double>(*left_bytes_) > failure_s * best_bytes_per_s_;
}

void StreamChoice::go_on(bool wanted, os::TimePoint now) {
  if (streams_ >= most_) return begin(Phase::settled, best_streams_, now);
  if (!wanted || !is_worth_a_trial()) return begin(Phase::measure, streams_, now);
  begin(Phase::more, std::min(most_, 2 * streams_), now);
}

void StreamChoice::go_back(os::TimePoint now) {
  resume_ = now + (doubts_ == 2 ? k_first_rest : k_second_rest);
  begin(doubts_-- > 0 ? Phase::rest : Phase::settled, best_streams_, now);
}

}  // namespace coldload::streams
