#include "herd/schedule.h"

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::herd {
namespace {

TEST(HerdSchedule, EachBlockHasEverySizeOnce) {
  const std::vector<HerdSlot> slots = schedule({{1, 2, 4}, 1, 5, 8, 7});
  ASSERT_EQ(slots.size(), 15U);
  std::map<std::uint64_t, std::multiset<std::size_t>> sizes;
  for (const HerdSlot& slot : slots) {
    sizes[slot.block].insert(slot.members.size());
    EXPECT_TRUE(std::is_sorted(slot.members.begin(), slot.members.end()));
    EXPECT_EQ(std::set<int>(slot.members.begin(), slot.members.end()).size(), slot.members.size());
    EXPECT_GE(slot.members.front(), 0);
    EXPECT_LT(slot.members.back(), 8);
  }
  for (const auto& [block, of_block] : sizes) {
    EXPECT_EQ(of_block, (std::multiset<std::size_t>{1, 2, 4})) << block;
  }
}

TEST(HerdSchedule, OtherNodesStartFromTrialToTrialInAnotherOrder) {
  const std::vector<HerdSlot> slots = schedule({{1, 2}, 1, 20, 8, 7});
  std::set<std::vector<int>> members;
  std::set<std::size_t> first_of_block;
  for (std::size_t i = 0; i < slots.size(); i += 2) first_of_block.insert(slots[i].members.size());
  for (const HerdSlot& slot : slots) members.insert(slot.members);
  EXPECT_GT(members.size(), 10U);
  EXPECT_EQ(first_of_block.size(), 2U);
}

TEST(HerdSchedule, EachBlockHasEverySizeOfEveryArmOnce) {
  const std::vector<HerdSlot> slots =
      schedule({{1, 4}, 3, 4, 4, 7, std::chrono::milliseconds(500)});
  ASSERT_EQ(slots.size(), 24U);
  std::map<std::uint64_t, std::set<std::pair<std::size_t, std::size_t>>> blocks;
  for (const HerdSlot& slot : slots) {
    blocks[slot.block].insert({slot.members.size(), slot.arm});
    EXPECT_EQ(slot.stagger, std::chrono::milliseconds(slot.members.size() > 1 ? 500 : 0));
  }
  for (const auto& [block, of_block] : blocks) EXPECT_EQ(of_block.size(), 6U) << block;
}

// Every rank works out its own.
TEST(HerdSchedule, IsTheSameOnEveryNode) {
  const std::vector<HerdSlot> one = schedule({{1, 3}, 1, 4, 5, 11});
  const std::vector<HerdSlot> two = schedule({{1, 3}, 1, 4, 5, 11});
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].members, two[i].members);
  EXPECT_THAT(one.front().members, ::testing::SizeIs(::testing::AnyOf(1, 3)));
}

}  // namespace
}  // namespace coldload::herd
