#include "stand_in/line.h"

#include <chrono>

#include <gtest/gtest.h>

namespace coldload::stand_in {
namespace {

using namespace std::chrono_literals;

double seconds_after(os::TimePoint begin, os::TimePoint end) {
  return os::seconds_between(begin, end);
}

TEST(Line, HasOneRateForAllWhoAsk) {
  Pace pace;
  pace.rate_bytes_per_s = 100e6;
  Line line(pace);
  const os::TimePoint begin = os::Clock::now() + 1h;
  os::TimePoint through = begin;
  // Two mounts, a request of 1 MB each at the same moment, a hundred times.
  for (int i = 0; i < 200; ++i) through = line.reserve(1'000'000, begin);
  EXPECT_NEAR(seconds_after(begin, through), 2.0, 0.011);
}

TEST(Line, CountsRequestsToo) {
  Pace pace;
  pace.rate_bytes_per_s = 100e9;
  pace.requests_per_s = 1000;
  Line line(pace);
  const os::TimePoint begin = os::Clock::now() + 1h;
  os::TimePoint through = begin;
  for (int i = 0; i < 500; ++i) through = line.reserve(1, begin);
  EXPECT_NEAR(seconds_after(begin, through), 0.5, 0.011);
}

}  // namespace
}  // namespace coldload::stand_in
