#include "load/rooms.h"

#include <deque>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/layout.h"
#include "os/error.h"

namespace coldload::load {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t k_shard = 2 * k_block_bytes;

class Follower : public Consumer {
 public:
  void begins(std::uint64_t shard, std::shared_ptr<const Room> room,
              std::uint64_t address) override {
    begun.push_back(shard);
    EXPECT_GE(address, room->address());
    rooms.push_back(std::move(room));
  }
  void landed(std::uint64_t, std::uint64_t, std::uint64_t bytes) override { landed_bytes += bytes; }
  [[nodiscard]] bool is_starved() const override { return starved; }

  std::vector<std::uint64_t> begun;
  std::deque<std::shared_ptr<const Room>> rooms;
  std::uint64_t landed_bytes = 0;
  bool starved = false;
};

class RoomsTest : public testing::Test {
 protected:
  Rooms make(std::uint64_t window_bytes) {
    return Rooms(shards_, follower_, window_bytes, arena_,
                 {[this](std::uint64_t bytes) {
                    if (made_ == most_made_) throw os::Error("no memory");
                    ++made_;
                    return std::make_unique<Room>(bytes);
                  },
                  [this] { ++settled_; }, [this] { ++looks_; }});
  }

  std::vector<Shard> shards_ = std::vector<Shard>(6, Shard{"x", k_shard});
  Follower follower_;
  Arena arena_{shards_};
  int made_ = 0;
  int most_made_ = std::numeric_limits<int>::max();
  int settled_ = 0;
  int looks_ = 0;
};

TEST_F(RoomsTest, AreOneWithoutAWindow) {
  Rooms rooms = make(0);
  EXPECT_EQ(rooms.give(), 6U);
  EXPECT_EQ(made_, 1);
  EXPECT_EQ(follower_.rooms.front(), follower_.rooms.back());
  EXPECT_EQ(rooms.most_held_bytes(), 6 * k_shard);
}

TEST_F(RoomsTest, AreAsManyAsTheWindowTakes) {
  Rooms rooms = make(3 * k_shard + 1);
  EXPECT_EQ(rooms.give(), 3U);
  EXPECT_EQ(rooms.give(), 3U);
  EXPECT_EQ(made_, 3);
}

TEST_F(RoomsTest, ComeBackWhenLandedAndLetGoAndAreSettledBeforeTheyServeAgain) {
  Rooms rooms = make(2 * k_shard);
  EXPECT_EQ(rooms.give(), 2U);
  follower_.rooms.pop_front();
  EXPECT_EQ(rooms.give(), 2U) << "it is still being written to";
  rooms.landed(0, 0, k_shard);
  EXPECT_GE(looks_, 1) << "nobody is told";
  EXPECT_EQ(settled_, 0);
  EXPECT_EQ(rooms.give(), 3U);
  EXPECT_EQ(settled_, 1);
  EXPECT_EQ(made_, 2);
  rooms.landed(1, 0, k_shard);
  EXPECT_EQ(rooms.give(), 3U) << "somebody has it";
  EXPECT_THAT(follower_.begun, ElementsAre(0, 1, 2));
}

TEST_F(RoomsTest, AreMoreWhereTheConsumerCannotGetOnOtherwise) {
  Rooms rooms = make(k_shard);
  EXPECT_EQ(rooms.give(), 1U);
  follower_.starved = true;
  EXPECT_EQ(rooms.give(), 1U) << "what is under way may be enough";
  rooms.landed(0, 0, k_shard);
  EXPECT_EQ(rooms.give(), 2U);
  EXPECT_EQ(rooms.most_held_bytes(), 2 * k_shard);
}

TEST_F(RoomsTest, OfALargeTensorIsNotKeptForSmallOnes) {
  shards_[0].bytes = 8 * k_shard;
  arena_ = Arena(shards_);
  Rooms rooms = make(8 * k_shard);
  EXPECT_EQ(rooms.give(), 1U);
  follower_.rooms.clear();
  rooms.landed(0, 0, 8 * k_shard);
  EXPECT_EQ(rooms.give(), 6U);
  EXPECT_EQ(follower_.rooms.size(), 5U);
  for (const auto& room : follower_.rooms) EXPECT_EQ(room->bytes(), k_shard);
}

TEST_F(RoomsTest, SayThatThereIsNoMemory) {
  most_made_ = 1;
  Rooms rooms = make(2 * k_shard);
  EXPECT_THROW((void)rooms.give(), os::Error);
}

TEST_F(RoomsTest, TellNobodyWhoHasLeft) {
  Rooms rooms = make(2 * k_shard);
  (void)rooms.give();
  rooms.landed(0, 0, k_block_bytes);
  rooms.leave();
  rooms.landed(0, k_block_bytes, k_block_bytes);
  EXPECT_EQ(follower_.landed_bytes, k_block_bytes);
}

TEST_F(RoomsTest, MayBeHeldLongerThanTheLoad) {
  {
    Rooms rooms = make(2 * k_shard);
    (void)rooms.give();
  }
  const int before = looks_;
  follower_.rooms.front()->memory()[0] = std::byte{1};
  follower_.rooms.clear();
  arena_.give(0, nullptr);
  arena_.give(1, nullptr);
  EXPECT_EQ(looks_, before);
}

}  // namespace
}  // namespace coldload::load
