#include "load/work_list.h"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "load/layout.h"
#include "os/error.h"
#include "unit/load/shards.h"

namespace coldload::load {
namespace {

using Kind = WorkList::Kind;

class WorkListTest : public testing::Test {
 protected:
  ScratchFolder folder_;
  Fallbacks fallbacks_;
};

TEST_F(WorkListTest, HandsEveryByteOutOnceWhoeverAsks) {
  std::vector<Shard> shards;
  for (std::uint64_t i = 0; i < 40; ++i) {
    shards.push_back(folder_.shard(i % 4 == 0 ? 0 : i * 300'007));
    if (i % 3 == 0) evict(shards.back());
    if (i % 3 == 1) evict_half(shards.back());
  }
  WorkList work(shards, ShardFile::Access{}, 64, fallbacks_);
  std::mutex mutex;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> pieces;
  const auto take_all = [&](Kind first, Kind second) {
    while (work.wait_for_more()) {
      auto piece = work.take(first, 2 * k_block_bytes);
      if (!piece) piece = work.take(second, k_block_bytes);
      if (!piece) continue;
      {
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(pieces.emplace(std::pair(piece->shard, piece->offset), piece->bytes).second);
      }
      work.arrived(*piece);
    }
  };
  std::thread other(take_all, Kind::resident, Kind::absent);
  take_all(Kind::absent, Kind::resident);
  other.join();
  EXPECT_TRUE(work.complete());
  std::vector<std::uint64_t> ends(shards.size());
  for (const auto& [place, bytes] : pieces) {
    EXPECT_EQ(place.second, ends[place.first]);  // no gap, no overlap
    ends[place.first] += bytes;
  }
  for (std::size_t i = 0; i < shards.size(); ++i) EXPECT_EQ(ends[i], shards[i].bytes);
}

TEST_F(WorkListTest, GoesOnWithOneKindAfterLookingInVainForTheOther) {
  const Shard sparse{folder_.shard(0).path, 64ULL << 30};
  std::filesystem::resize_file(sparse.path, sparse.bytes);
  WorkList work({sparse}, ShardFile::Access{}, 64, fallbacks_);
  EXPECT_FALSE(work.take(Kind::resident, k_block_bytes));
  std::uint64_t seen = 0;
  while (const auto piece = work.take(Kind::absent, 64 * k_block_bytes)) {
    seen += piece->bytes;
    work.arrived(*piece);
    if (seen >= sparse.bytes / 2) break;
  }
  EXPECT_EQ(seen, sparse.bytes / 2);
}

TEST_F(WorkListTest, HandsOutNoMoreOfStorageThanMayBeInFlight) {
  const Shard shard = folder_.shard(40 * k_block_bytes);
  evict(shard);
  WorkList work({shard}, ShardFile::Access{}, 4, fallbacks_);
  std::vector<Piece> pieces;
  while (const auto piece = work.take(Kind::absent, k_block_bytes)) pieces.push_back(*piece);
  ASSERT_EQ(pieces.size(), 4U);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    work.arrived(pieces[2]);
  });
  EXPECT_TRUE(work.wait_for_more());
  other.join();
  EXPECT_TRUE(work.take(Kind::absent, k_block_bytes));
  EXPECT_FALSE(work.take(Kind::absent, k_block_bytes));
}

TEST_F(WorkListTest, WakesWhoWaitsWhenStopped) {
  WorkList work({folder_.shard(10)}, ShardFile::Access{}, 64, fallbacks_);
  EXPECT_TRUE(work.wait_for_more());
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    work.stop();
  });
  EXPECT_FALSE(work.sleep_until(os::Clock::now() + std::chrono::hours(1)));
  other.join();
  EXPECT_FALSE(work.wait_for_more());
  EXPECT_FALSE(work.take(Kind::absent, k_block_bytes));
  EXPECT_FALSE(work.complete());
}

TEST_F(WorkListTest, StopsWhenAShardCannotBeOpened) {
  WorkList work({{"/var/tmp/coldload-not-there", 5}}, ShardFile::Access{}, 64, fallbacks_);
  EXPECT_THROW((void)work.take(Kind::absent, k_block_bytes), os::SystemError);
  EXPECT_FALSE(work.wait_for_more());
}

}  // namespace
}  // namespace coldload::load
