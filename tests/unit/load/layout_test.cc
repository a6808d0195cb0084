#include "load/layout.h"

#include <gtest/gtest.h>

#include "os/error.h"

namespace coldload::load {
namespace {

constexpr std::uint64_t k_mib = 1 << 20;

TEST(Layout, NeverExceedsTheRing) {
  for (const std::uint64_t ring : {k_mib, 2 * k_mib, 3 * k_mib + 1, 17 * k_mib, 128 * k_mib}) {
    for (const unsigned threads : {0U, 1U, 3U, 16U, 500U}) {
      for (const auto concurrency : {Concurrency::queued, Concurrency::threaded}) {
        const Layout cut = layout({ring, threads, 4, concurrency, Drain::at_once});
        EXPECT_LE(cut.ring_bytes(), ring);
        EXPECT_GE(cut.threads, 1U);
        EXPECT_GE(cut.slots, 1U);
        EXPECT_GE(cut.slot_bytes, k_block_bytes);
        EXPECT_EQ(cut.slot_bytes % k_block_bytes, 0U);
      }
    }
  }
}

TEST(Layout, TakesAThreadPerCoreWhereReadsAreQueued) {
  EXPECT_EQ(layout({128 * k_mib, 0, 2, Concurrency::queued, Drain::at_once}).threads, 1U);
  EXPECT_EQ(layout({128 * k_mib, 0, 64, Concurrency::queued, Drain::at_once}).threads, 8U);
  EXPECT_EQ(layout({128 * k_mib, 0, 0, Concurrency::queued, Drain::at_once}).threads, 1U);
}

TEST(Layout, TakesManyThreadsOnFewCoresWhereARequestWaitsInAThread) {
  const Layout cut = layout({128 * k_mib, 0, 2, Concurrency::threaded, Drain::at_once});
  EXPECT_EQ(cut.threads, 16U);
  EXPECT_EQ(cut.slots, 1U);
}

TEST(Layout, CutsManySmallSlotsWhereCopiesDrainThem) {
  const Layout cut = layout({128 * k_mib, 0, 16, Concurrency::queued, Drain::by_copies});
  EXPECT_EQ(cut.threads, 12U);
  EXPECT_EQ(cut.slots, 5U);
  EXPECT_EQ(cut.slot_bytes, 2 * k_mib);
  EXPECT_GE(layout({128 * k_mib, 0, 2, Concurrency::threaded, Drain::by_copies}).slots, 4U);
}

TEST(Layout, ObeysTheThreadsThatTheCallerWants) {
  EXPECT_EQ(layout({128 * k_mib, 3, 64, Concurrency::queued, Drain::at_once}).threads, 3U);
  EXPECT_EQ(layout({2 * k_mib, 3, 64, Concurrency::queued, Drain::at_once}).threads, 2U);
}

TEST(Layout, CutsSmallerSlotsRatherThanAShallowQueue) {
  const Layout cut = layout({16 * k_mib, 2, 2, Concurrency::queued, Drain::at_once});
  EXPECT_EQ(cut.slots, 8U);
  EXPECT_EQ(cut.slot_bytes, k_mib);
}

TEST(Layout, RefusesARingBelowOneBlock) {
  EXPECT_THROW((void)layout({k_mib - 1, 1, 1, Concurrency::queued, Drain::at_once}), os::Error);
  EXPECT_THROW((void)layout({0, 0, 1, Concurrency::threaded, Drain::at_once}), os::Error);
}

}  // namespace
}  // namespace coldload::load
