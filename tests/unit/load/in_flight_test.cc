#include "load/in_flight.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

namespace coldload::load {
namespace {

// Runs a path that delivers `bytes_per_s(limit)` under `limit` for `seconds`, in pieces of 2 MiB.
unsigned limit_after(double seconds, unsigned most,
                     const std::function<double(unsigned)>& bytes_per_s, bool pressed = true) {
  constexpr std::uint64_t k_piece_bytes = 2 << 20;
  InFlightLimit limit(8, most);
  os::TimePoint now{std::chrono::hours(1)};
  const os::TimePoint end =
      now + std::chrono::duration_cast<os::Clock::duration>(os::Seconds(seconds));
  while (now < end) {
    now += std::chrono::duration_cast<os::Clock::duration>(
        os::Seconds(static_cast<double>(k_piece_bytes) / bytes_per_s(limit.limit())));
    limit.arrived(now, k_piece_bytes, pressed);
  }
  return limit.limit();
}

TEST(InFlightLimit, GrowsAsLongAsAPathDeliversMoreForMore) {
  const auto network = [](unsigned limit) { return 50e6 * std::min(limit, 40U); };
  EXPECT_EQ(limit_after(4, 64, network), 64U);  // 40 are worth more than 32
  EXPECT_EQ(limit_after(4, 24, network), 24U);
}

TEST(InFlightLimit, StaysWhereADiskIsSatisfied) {
  EXPECT_EQ(limit_after(1.5, 64, [](unsigned) { return 2e9; }), 8U);
}

TEST(InFlightLimit, GoesBackWhereMoreIsWorse) {
  const auto path = [](unsigned limit) { return limit <= 16 ? 1e8 * limit : 1e9; };
  EXPECT_EQ(limit_after(1.5, 64, path), 16U);
}

TEST(InFlightLimit, FindsOutWhenAPathHasChanged) {
  double rate = 1e9;
  const auto path = [&rate](unsigned limit) { return rate * limit; };
  int calls = 0;
  const auto changing = [&](unsigned limit) {
    if (++calls < 1000) return 1e9;
    return path(limit);
  };
  EXPECT_EQ(limit_after(8, 64, changing), 64U);
}

TEST(InFlightLimit, LearnsNothingWhereNobodyWaits) {
  EXPECT_EQ(limit_after(
                4, 64, [](unsigned limit) { return 50e6 * limit; }, false),
            8U);
}

TEST(InFlightLimit, NeverPassesTheMostThatThereIs) { EXPECT_EQ(InFlightLimit(8, 1).limit(), 1U); }

}  // namespace
}  // namespace coldload::load
