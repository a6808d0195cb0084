#include "herd/schedule.h"

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::herd {
namespace {

// So many nodes of so many ranks, dealt out in turn.
std::vector<HerdNode> nodes(std::size_t count, int per_node = 1) {
  std::vector<HerdNode> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    all[i].number = i;
    for (int turn = 0; turn < per_node; ++turn) {
      all[i].ranks.push_back(static_cast<int>(i) + turn * static_cast<int>(count));
    }
  }
  return all;
}

TEST(HerdSchedule, EachBlockHasEverySizeOnce) {
  const std::vector<HerdSlot> slots = schedule({{1, 2, 4}, 1, 5, nodes(8), 7});
  ASSERT_EQ(slots.size(), 15U);
  std::map<std::uint64_t, std::multiset<std::size_t>> sizes;
  for (const HerdSlot& slot : slots) {
    const std::vector<int> members = slot.members();
    sizes[slot.block].insert(members.size());
    EXPECT_TRUE(std::is_sorted(members.begin(), members.end()));
    EXPECT_EQ(std::set<int>(members.begin(), members.end()).size(), members.size());
    EXPECT_GE(members.front(), 0);
    EXPECT_LT(members.back(), 8);
  }
  for (const auto& [block, of_block] : sizes) {
    EXPECT_EQ(of_block, (std::multiset<std::size_t>{1, 2, 4})) << block;
  }
}

TEST(HerdSchedule, OtherNodesStartFromTrialToTrialInAnotherOrder) {
  const std::vector<HerdSlot> slots = schedule({{1, 2}, 1, 20, nodes(8), 7});
  std::set<std::vector<int>> members;
  std::set<std::size_t> first_of_block;
  for (std::size_t i = 0; i < slots.size(); i += 2) first_of_block.insert(slots[i].nodes.size());
  for (const HerdSlot& slot : slots) members.insert(slot.members());
  EXPECT_GT(members.size(), 10U);
  EXPECT_EQ(first_of_block.size(), 2U);
}

TEST(HerdSchedule, EachBlockHasEverySizeOfEveryArmOnce) {
  const std::vector<HerdSlot> slots =
      schedule({{1, 4}, 3, 4, nodes(4), 7, std::chrono::milliseconds(500)});
  ASSERT_EQ(slots.size(), 24U);
  std::map<std::uint64_t, std::set<std::pair<std::size_t, std::size_t>>> blocks;
  for (const HerdSlot& slot : slots) {
    blocks[slot.block].insert({slot.nodes.size(), slot.arm});
    EXPECT_EQ(slot.stagger, std::chrono::milliseconds(slot.nodes.size() > 1 ? 500 : 0));
  }
  for (const auto& [block, of_block] : blocks) EXPECT_EQ(of_block.size(), 6U) << block;
}

// Every rank works out its own.
TEST(HerdSchedule, IsTheSameOnEveryNode) {
  const std::vector<HerdSlot> one = schedule({{1, 3}, 1, 4, nodes(5), 11});
  const std::vector<HerdSlot> two = schedule({{1, 3}, 1, 4, nodes(5), 11});
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].members(), two[i].members());
  EXPECT_THAT(one.front().members(), ::testing::SizeIs(::testing::AnyOf(1, 3)));
}

TEST(HerdSchedule, AllRanksOfANodeStartOrIdle) {
  const std::vector<HerdSlot> slots =
      schedule({{1, 2}, 1, 20, nodes(4, 2), 7, std::chrono::seconds(1)});
  std::set<std::vector<int>> members;
  for (const HerdSlot& slot : slots) {
    members.insert(slot.members());
    EXPECT_EQ(slot.members().size(), 2 * slot.nodes.size());
    for (int rank = 0; rank < 4; ++rank) {
      EXPECT_EQ(slot.place_of(rank), slot.place_of(rank + 4)) << "they are one node";
      EXPECT_EQ(slot.delay_of(rank), slot.delay_of(rank + 4)) << "which starts at one moment";
    }
  }
  EXPECT_EQ(members.size(), 10U) << "each node, and each pair of them";
}

TEST(HerdSchedule, ASlotsNameSaysHowManyNodesOfHowManyServersStartHow) {
  EXPECT_EQ((HerdSlot{1, nodes(4)}).name(), "herd4");
  EXPECT_EQ((HerdSlot{1, nodes(2, 4)}).name(), "herd2x4");
  EXPECT_EQ((HerdSlot{1, nodes(2, 4), 0, std::chrono::milliseconds(1500)}).name(),
            "herd2x4_stagger1.5s");
}

}  // namespace
}  // namespace coldload::herd
