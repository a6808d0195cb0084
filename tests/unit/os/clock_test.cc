#include "os/clock.h"

#include <chrono>
#include <ctime>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::os {
namespace {

TEST(Clock, IsClockMonotonic) {
  timespec before{};
  timespec after{};
  ::clock_gettime(CLOCK_MONOTONIC, &before);
  const auto now = Clock::now().time_since_epoch();
  ::clock_gettime(CLOCK_MONOTONIC, &after);
  const auto as_duration = [](const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  EXPECT_LE(as_duration(before), now);
  EXPECT_LE(now, as_duration(after));
}

TEST(Clock, DifferencesAreInSeconds) {
  const TimePoint start{};
  EXPECT_DOUBLE_EQ(seconds_between(start, start + std::chrono::milliseconds(1500)), 1.5);
  EXPECT_DOUBLE_EQ(seconds_between(start + std::chrono::milliseconds(1500), start), -1.5);
}

TEST(UtcTimestamp, IsIso8601) {
  EXPECT_THAT(utc_timestamp(), ::testing::MatchesRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T"
                                                       "[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z"));
}

}  // namespace
}  // namespace coldload::os
