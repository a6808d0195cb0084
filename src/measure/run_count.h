// How many cold runs an experiment makes: a number, or until its ratios are known well enough.
//
// An automatic experiment looks at its precision alone, never at whether a difference is shown, and
// only after numbers of runs that are fixed beforehand: so what it reports is as often right as
// with a number chosen at the start (bench/statistics).
//
// Layer: measure. Pure functions, and one object that they are used by.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "measure/schedule.h"
#include "os/clock.h"

namespace coldload::measure {

struct RunCount {
  std::uint64_t runs = 5;  // cold runs per arm; the most of them where `automatic`
  bool automatic = false;
  double precision = 0.05;  // the width of a ratio's interval that is enough, relative to the ratio
  std::optional<std::chrono::nanoseconds> longest;  // no block starts that would end after it
};

// For records and reports; empty for a fixed number.
[[nodiscard]] std::string describe(const RunCount& count);

// Whether precision is looked at after that many runs per arm: 5, 7, 10, 14, 20, 28, 40, ...
[[nodiscard]] bool is_look(std::uint64_t runs);

// How wide the widest interval of an arm's ratio to the first arm's is, relative to that ratio.
// Nothing where one has none so far, as all its runs failed, say.
[[nodiscard]] std::optional<double> widest_interval(
    const std::vector<std::vector<double>>& seconds);

// What an automatic experiment found when it looked at its precision.
struct PrecisionLook {
  std::uint64_t runs = 0;  // per arm
  std::optional<double> widest;
  double goal = 0;  // for `widest`
  enum class Next { goes_on, goal_reached, limit_reached } next = Next::goes_on;
};

// Watches one experiment.
class RunStop {
 public:
  RunStop(RunCount count, std::size_t arms) : count_(count), seconds_(arms), has_runs_(arms) {}

  // A cold trial that counts.
  void add(const Slot& slot, double load_s) { seconds_[slot.arm].push_back(load_s); }

  // Whether this slot and all cold ones after it are left out. Call before each.
  [[nodiscard]] bool before(const Slot& slot);

  // No cold run follows, as all were made.
  void finish();

  // What was found since this was asked last.
  [[nodiscard]] std::optional<PrecisionLook> news() { return std::exchange(news_, std::nullopt); }

 private:
  // Looks, and says what follows.
  void look(std::uint64_t runs, PrecisionLook::Next where_not_precise);

  const RunCount count_;
  std::vector<std::vector<double>> seconds_;  // by arm
  std::vector<bool> has_runs_;                // by arm: false for a path that is still to come
  std::uint64_t block_ = 0;                   // the one under way
  std::optional<os::TimePoint> began_;
  os::TimePoint block_began_;
  os::Clock::duration longest_block_{};
  bool enough_ = false;  // of them were made: by precision, or by the time
  std::optional<PrecisionLook> news_;
};

}  // namespace coldload::measure
