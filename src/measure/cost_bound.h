// How often something may be looked at, so that looking stays cheap.
//
// Layer: measure. Knows no thread but the one that looks.
#pragma once

#include <algorithm>

#include "os/clock.h"

namespace coldload::measure {

// Lets one source be asked at most every `floor`, and less often where it is dear: over any time
// since the first look, all looks together cost at most `share` of one core, plus what that share
// is worth in half a second, so that the first and dearest look puts off none of the next ones.
class CostBound {
 public:
  // `ceiling`: asked that often whatever it costs.
  explicit CostBound(double share, os::Clock::duration floor = {},
                     os::Clock::duration ceiling = os::Clock::duration::max())
      : share_(share), floor_(floor), ceiling_(ceiling) {}

  [[nodiscard]] bool due(os::TimePoint now) const { return now >= next_; }

  // Calls `look` if it is due, and takes note of what it cost.
  template <typename Look>
  void look_if_due(os::TimePoint now, const Look& look) {
    if (!due(now)) return;
    const auto before = os::thread_cpu_time();
    look();
    ran(now, os::thread_cpu_time() - before);
  }

  // A look began at `begin` and took `cost` of CPU time.
  void ran(os::TimePoint begin, os::Clock::duration cost) {
    if (spent_ == os::Clock::duration::zero()) first_ = begin;
    spent_ += cost;
    const auto earned_by =
        first_ - std::chrono::milliseconds(500) +
        std::chrono::duration_cast<os::Clock::duration>(os::Seconds(spent_) / share_);
    next_ = std::max(begin + floor_, earned_by);
    if (next_ - begin > ceiling_) next_ = begin + ceiling_;
  }

  // Something was seen that is worth another look at `at`, out of turn.
  void hurry(os::TimePoint at) { next_ = std::min(next_, at); }

 private:
  double share_;
  os::Clock::duration floor_;
  os::Clock::duration ceiling_;
  os::Clock::duration spent_{};
  os::TimePoint first_;
  os::TimePoint next_;
};

}  // namespace coldload::measure
