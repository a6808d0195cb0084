#include "measure/schedule.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
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

ScheduleOptions all_layers(Order order) {
  ScheduleOptions options = two_arms(4, order, 41);
  options.warm_up_runs = 1;
  options.node_runs = 4;
  options.first_runs = 4;
  options.warm_runs = 4;
  return options;
}

TEST(Schedule, EachBlockHoldsEachArmInEachLayerOnce) {
  for (const Order order : {Order::random, Order::abba}) {
    const std::vector<Slot> slots = schedule(all_layers(order));
    constexpr std::size_t k_block = 8;
    ASSERT_EQ(slots.size(), 2 + 4 * k_block);
    EXPECT_EQ(slots[0].kind, TrialKind::warm_up);
    EXPECT_EQ(slots[1].kind, TrialKind::warm_up);
    for (std::size_t block = 0; block < 4; ++block) {
      std::set<std::pair<TrialKind, std::size_t>> seen;
      for (std::size_t i = 0; i < k_block; ++i) {
        const Slot& slot = slots[2 + block * k_block + i];
        seen.emplace(slot.kind, slot.arm);
        EXPECT_EQ(slot.block, block + 1);
        EXPECT_NE(slot.kind, TrialKind::warm_up);
      }
      EXPECT_EQ(seen.size(), k_block);
    }
  }
}

TEST(Schedule, LayersAreShuffledAmongEachOther) {
  const std::vector<Slot> slots = schedule(all_layers(Order::random));
  std::set<TrialKind> first_of_block;
  for (std::size_t i = 2; i < slots.size(); i += 8) first_of_block.insert(slots[i].kind);
  EXPECT_GT(first_of_block.size(), 1U);
}

TEST(Schedule, LayersWithFewerRunsEndEarlier) {
  ScheduleOptions options = all_layers(Order::random);
  options.node_runs = 2;
  options.first_runs = 1;
  options.warm_runs = 0;
  std::map<TrialKind, std::vector<std::uint64_t>> blocks;  // of arm 1
  for (const Slot& slot : schedule(options)) {
    if (slot.arm == 1) blocks[slot.kind].push_back(slot.block);
  }
  using Blocks = std::vector<std::uint64_t>;
  EXPECT_EQ(blocks[TrialKind::cold], (Blocks{1, 2, 3, 4}));
  EXPECT_EQ(blocks[TrialKind::node], (Blocks{1, 2}));
  EXPECT_EQ(blocks[TrialKind::first], (Blocks{1}));
  EXPECT_EQ(blocks.count(TrialKind::warm), 0U);
}

TEST(Schedule, ADeeperLayerAloneNeedsNoOther) {
  ScheduleOptions options = two_arms(0, Order::random, 3);
  options.node_runs = 2;
  EXPECT_EQ(schedule(options).size(), 4U);
  for (const Slot& slot : schedule(options)) EXPECT_EQ(slot.kind, TrialKind::node);
  options.node_runs = 0;
  EXPECT_TRUE(schedule(options).empty());
}

TEST(Schedule, SequentialFinishesOneArmWithAllItsLayers) {
  const std::vector<Slot> slots = schedule(all_layers(Order::sequential));
  std::vector<std::size_t> arms = arms_of(slots);
  arms.erase(arms.begin(), arms.begin() + 2);  // the discarded launches
  EXPECT_TRUE(std::is_sorted(arms.begin(), arms.end()));
}

// What a record says of its seed holds for who measures no deeper layer, too.
TEST(Schedule, WithoutDeeperLayersColdAndWarmRunsAreAsTheyWere) {
  ScheduleOptions options = two_arms(3, Order::random, 41);
  options.warm_runs = 3;
  const std::vector<Slot> slots = schedule(options);
  EXPECT_EQ(arms_of(slots), (std::vector<std::size_t>{0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0}));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    EXPECT_EQ(slots[i].kind, i < 6 ? TrialKind::cold : TrialKind::warm) << i;
  }
}

}  // namespace
}  // namespace coldload::measure
