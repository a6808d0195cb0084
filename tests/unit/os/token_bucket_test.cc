#include "os/token_bucket.h"

#include <chrono>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace coldload::os {
namespace {

using namespace std::chrono_literals;

// A manual clock: an instant like any other, moved by hand.
const os::TimePoint k_start = os::TimePoint{} + 1h;

double seconds_until(os::TimePoint instant) { return os::seconds_between(k_start, instant); }

TEST(TokenBucket, AnIdleBucketHoldsItsCreditAndNotMore) {
  TokenBucket bucket(100e6, 20ms);
  EXPECT_DOUBLE_EQ(bucket.available(k_start), 2e6);
  EXPECT_DOUBLE_EQ(bucket.available(k_start + 10h), 2e6);
  // The credit goes through at once, the byte after it does not.
  EXPECT_EQ(bucket.reserve(2e6, k_start), k_start);
  EXPECT_DOUBLE_EQ(bucket.available(k_start), 0);
  EXPECT_EQ(bucket.reserve(1e6, k_start), k_start + 10ms);
}

TEST(TokenBucket, WithoutCreditEveryUnitTakesItsTime) {
  TokenBucket bucket(1000, 0ns);
  EXPECT_EQ(bucket.reserve(1, k_start), k_start + 1ms);
  EXPECT_EQ(bucket.reserve(1, k_start), k_start + 2ms);
  EXPECT_EQ(bucket.reserve(1, k_start + 1s), k_start + 1s + 1ms);
}

TEST(TokenBucket, NothingIsEverDueBeforeItWasAskedFor) {
  TokenBucket bucket(1e9, 20ms);
  for (auto now = k_start; now < k_start + 1s; now += 7ms) {
    EXPECT_GE(bucket.reserve(1, now), now);
  }
}

TEST(TokenBucket, ABurstLargerThanTheCreditIsSpreadOverTheRate) {
  TokenBucket bucket(250e6, 10ms);
  os::TimePoint last;
  for (int i = 0; i < 1000; ++i) last = bucket.reserve(250e3, k_start);
  EXPECT_NEAR(seconds_until(last), 1.0 - 0.010, 1e-6);
}

TEST(TokenBucket, NoRateIsLostToRounding) {
  // 4 KiB at 3 GB/s is 1365.33 ns.
  TokenBucket bucket(3e9, 0ns);
  os::TimePoint last;
  constexpr int k_requests = 1'000'000;
  for (int i = 0; i < k_requests; ++i) last = bucket.reserve(4096, k_start);
  EXPECT_NEAR(seconds_until(last), 4096.0 * k_requests / 3e9, 1e-6);
}

TEST(TokenBucket, ASlowReaderDoesNotSaveUpMoreThanTheCredit) {
  TokenBucket bucket(100e6, 20ms);
  // Half the rate for a second, then as much as there is.
  os::TimePoint now = k_start;
  for (int i = 0; i < 100; ++i, now += 10ms) EXPECT_EQ(bucket.reserve(0.5e6, now), now);
  const os::TimePoint all = bucket.reserve(10e6, now);
  EXPECT_GE(os::seconds_between(now, all), 0.1 - 0.020 - 1e-9);
}

// What the readers together get in `limit`, each waiting for its request before it asks again.
double bytes_in(TokenBucket& bucket, int readers, double request_bytes, os::Seconds limit) {
  using Wake = std::pair<os::TimePoint, int>;
  std::priority_queue<Wake, std::vector<Wake>, std::greater<>> wakes;
  for (int i = 0; i < readers; ++i) wakes.emplace(k_start, i);
  double bytes = 0;
  while (os::Seconds(wakes.top().first - k_start) < limit) {
    const auto [now, reader] = wakes.top();
    wakes.pop();
    const os::TimePoint due = bucket.reserve(request_bytes, now);
    if (os::Seconds(due - k_start) <= limit) bytes += request_bytes;
    wakes.emplace(due, reader);
  }
  return bytes;
}

TEST(TokenBucket, TheRateIsTheSameForAnyNumberOfReadersTogether) {
  for (const int readers : {1, 2, 16, 100}) {
    TokenBucket bucket(250e6, 10ms);
    EXPECT_NEAR(bytes_in(bucket, readers, 128 << 10, os::Seconds(10)), 2.5e9, 2.5e9 * 0.002)
        << readers << " readers";
  }
}

}  // namespace
}  // namespace coldload::os
