#include "load/pacer.h"

#include <chrono>

#include <gtest/gtest.h>

namespace coldload::load {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t k_megabyte = 1'000'000;
constexpr double k_rate = 100e6;  // a megabyte takes 10 ms
const os::TimePoint k_start{std::chrono::hours(5)};

TEST(Pacer, AddsOneLatencyToTheTransfer) {
  Pacer pacer({k_rate, milliseconds(3)});
  EXPECT_EQ(pacer.arrival(k_start, k_megabyte), k_start + milliseconds(13));
}

TEST(Pacer, SendsRequestsOfOneInstantOneAfterTheOtherAndOverlapsTheirLatencies) {
  Pacer pacer({k_rate, milliseconds(500)});
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(pacer.arrival(k_start, k_megabyte), k_start + milliseconds(10 * i + 500));
  }
}

TEST(Pacer, HoldsTheRateOverAnyMixOfRequests) {
  Pacer pacer({k_rate, milliseconds(0)});
  std::uint64_t bytes = 0;
  os::TimePoint last = k_start;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint64_t size = 1 + i * 7919 % (4 * k_megabyte);
    bytes += size;
    // Eight readers: each asks again when one of the earlier requests is done.
    last = pacer.arrival(k_start, size);
  }
  const double seconds = os::seconds_between(k_start, last);
  EXPECT_NEAR(static_cast<double>(bytes) / seconds, k_rate, k_rate * 1e-4);
}

TEST(Pacer, SavesUpNoCreditWhileTheLinkIsIdle) {
  Pacer pacer({k_rate, milliseconds(0)});
  (void)pacer.arrival(k_start, k_megabyte);
  const os::TimePoint later = k_start + std::chrono::minutes(1);
  EXPECT_EQ(pacer.arrival(later, k_megabyte), later + milliseconds(10));
  EXPECT_EQ(pacer.arrival(later, k_megabyte), later + milliseconds(20));
}

}  // namespace
}  // namespace coldload::load
