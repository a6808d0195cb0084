#include "measure/schedule.h"

#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

std::vector<std::size_t> arms_of(const std::vector<Slot>& slots) {
  std::vector<std::size_t> arms;
  for (const Slot& slot : slots) arms.push_back(slot.arm);
  return arms;
}

ScheduleOptions two_arms(std::uint64_t runs, Order order, std::uint64_t seed = 1) {
  ScheduleOptions options;
  options.arms = 2;
  options.cold_runs = runs;
  options.order = order;
  options.seed = seed;
  return options;
}

TEST(Schedule, EveryRandomBlockHoldsEachArmOnce) {
  ScheduleOptions options = two_arms(50, Order::random, 41);
  options.arms = 3;
  const std::vector<Slot> slots = schedule(options);
  ASSERT_EQ(slots.size(), 150U);
  for (std::size_t block = 0; block < 50; ++block) {
    std::set<std::size_t> arms;
    for (std::size_t i = 0; i < 3; ++i) {
      arms.insert(slots[3 * block + i].arm);
      EXPECT_EQ(slots[3 * block + i].block, block + 1);
    }
    EXPECT_EQ(arms.size(), 3U);
  }
}

TEST(Schedule, RandomOrderPutsEachArmFirstAboutEquallyOften) {
  const std::vector<Slot> slots = schedule(two_arms(1000, Order::random, 5));
  std::size_t first = 0;
  for (std::size_t i = 0; i < slots.size(); i += 2) first += slots[i].arm == 0 ? 1U : 0U;
  EXPECT_GT(first, 430U);
  EXPECT_LT(first, 570U);
}

TEST(Schedule, TheSeedReproducesTheOrderAndAnotherSeedDoesNot) {
  const auto once = arms_of(schedule(two_arms(30, Order::random, 7)));
  EXPECT_EQ(once, arms_of(schedule(two_arms(30, Order::random, 7))));
  EXPECT_NE(once, arms_of(schedule(two_arms(30, Order::random, 8))));
}

TEST(Schedule, TheOrderOfASeedNeverChangesBetweenVersions) {
  // Records name their seed: what it means is a promise.
  EXPECT_EQ(arms_of(schedule(two_arms(6, Order::random, 41))),
            (std::vector<std::size_t>{0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1}));
}

TEST(Schedule, AbbaReversesEverySecondBlock) {
  EXPECT_EQ(arms_of(schedule(two_arms(3, Order::abba))),
            (std::vector<std::size_t>{0, 1, 1, 0, 0, 1}));
}

TEST(Schedule, SequentialFinishesOneArmBeforeTheNext) {
  const std::vector<Slot> slots = schedule(two_arms(3, Order::sequential));
  EXPECT_EQ(arms_of(slots), (std::vector<std::size_t>{0, 0, 0, 1, 1, 1}));
  std::vector<std::uint64_t> blocks;
  for (const Slot& slot : slots) blocks.push_back(slot.block);
  EXPECT_EQ(blocks, (std::vector<std::uint64_t>{1, 2, 3, 1, 2, 3}));
}

TEST(Schedule, WarmUpsComeFirstAndWarmRunsLast) {
  ScheduleOptions options = two_arms(2, Order::sequential);
  options.warm_up_runs = 1;
  options.warm_runs = 1;
  std::vector<TrialKind> kinds;
  for (const Slot& slot : schedule(options)) kinds.push_back(slot.kind);
  using K = TrialKind;
  EXPECT_EQ(kinds, (std::vector<K>{K::warm_up, K::warm_up, K::cold, K::cold, K::cold, K::cold,
                                   K::warm, K::warm}));
}

}  // namespace
}  // namespace coldload::measure
