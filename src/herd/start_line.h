// The start line of a herd: all ranks meet there, those that launch and those that idle.
//
// Layer: herd. Knows nothing of what is launched.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "herd/ranks.h"
#include "measure/start_line.h"
#include "os/clock.h"

namespace coldload::herd {

struct Patience {
  std::chrono::nanoseconds before_launch{};  // longest time until a node is cold
  std::chrono::nanoseconds to_ready{};       // from launch

  // For what one rank may do while another one waits for it.
  [[nodiscard]] std::chrono::nanoseconds whole() const { return before_launch + to_ready; }
};

// Of one trial. Its functions throw OutOfStep.
class RankStartLine : public measure::StartLine {
 public:
  // `delay`: from the instant on which all agree to this rank's launch.
  RankStartLine(Ranks* ranks, const Patience& patience, std::chrono::nanoseconds delay = {})
      : ranks_(*ranks), patience_(patience), delay_(delay) {}

  // Compares the clocks when all are there.
  [[nodiscard]] std::optional<os::TimePoint> meet() override;
  void finish() override;

  // This rank does not get so far, or is through: what the others wait for is done for them. Nobody
  // launches where that is before meet().
  void pass();

  // That instant as the first rank's clock has it, in nanoseconds; and how far off that may be.
  [[nodiscard]] std::uint64_t on_first_clock(os::TimePoint at) const;
  [[nodiscard]] std::chrono::nanoseconds clock_error() const { return offset_.error_most; }

 private:
  std::optional<os::TimePoint> meet(bool can_launch);

  Ranks& ranks_;
  const Patience patience_;
  const std::chrono::nanoseconds delay_;
  ClockOffset offset_;
  bool met_ = false;
  bool finished_ = false;
};

}  // namespace coldload::herd
