#include "cli/arrival_rate.h"

#include <gtest/gtest.h>

namespace coldload::cli {
namespace {

constexpr std::uint64_t k_mb = 1'000'000;

os::TimePoint at(int seconds) { return os::TimePoint() + std::chrono::seconds(1000 + seconds); }

TEST(ArrivalRate, IsNotKnownBeforeEnoughHasArrived) {
  ArrivalRate rate;
  rate.note(at(0), 0);
  EXPECT_FALSE(rate.bytes_per_s());
  rate.note(at(1), 100 * k_mb);  // too early
  EXPECT_FALSE(rate.bytes_per_s());
  rate.note(at(2), 200 * k_mb);
  EXPECT_EQ(rate.bytes_per_s(), 100.0 * k_mb);
}

TEST(ArrivalRate, IsNotThatOfAFewSmallFiles) {
  ArrivalRate rate;
  rate.note(at(0), 0);
  rate.note(at(5), 700);
  EXPECT_FALSE(rate.bytes_per_s());
}

TEST(ArrivalRate, LeavesOutWhatWasThereBefore) {
  ArrivalRate rate;
  rate.note(at(0), 5000 * k_mb);
  rate.note(at(4), 5040 * k_mb);
  EXPECT_EQ(rate.bytes_per_s(), 10.0 * k_mb);
}

TEST(ArrivalRate, IsOfTheLastSecondsAndStaysWhileANewWindowIsYoung) {
  ArrivalRate rate;
  rate.note(at(0), 0);
  rate.note(at(10), 1000 * k_mb);
  EXPECT_EQ(rate.bytes_per_s(), 100.0 * k_mb);
  rate.note(at(11), 1001 * k_mb);
  EXPECT_EQ(rate.bytes_per_s(), 100.0 * k_mb);
  rate.note(at(20), 1100 * k_mb);
  EXPECT_EQ(rate.bytes_per_s(), 10.0 * k_mb);
}

TEST(ArrivalRate, IsForgottenWhereNothingArrivesAnyMore) {
  ArrivalRate rate;
  rate.note(at(0), 0);
  rate.note(at(10), 1000 * k_mb);
  rate.note(at(20), 1000 * k_mb);
  EXPECT_FALSE(rate.bytes_per_s());
}

}  // namespace
}  // namespace coldload::cli
