#include "load/shard_file.h"

#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load/layout.h"
#include "os/error.h"
#include "os/file.h"
#include "unit/load/shards.h"

namespace coldload::load {
namespace {

class ShardFileTest : public testing::Test {
 protected:
  std::string pieces_text(const Shard& shard) {
    ShardFile file(shard, 0, ShardFile::Access{}, fallbacks_);
    file.open();
    std::string text;
    for (const Piece& piece : file.pieces(0, shard.bytes)) {
      text += fmt::format("{}@{}+{} ", piece.resident ? "resident" : "absent",
                          piece.offset / k_block_bytes, piece.bytes);
    }
    return text;
  }
  ScratchFolder folder_;
  Fallbacks fallbacks_;
};

TEST_F(ShardFileTest, CutsExtentsWhereResidencyChanges) {
  const Shard shard = folder_.shard(4 * k_mib + 100);
  evict(shard);
  if (resident_bytes(shard) > 0) GTEST_SKIP() << "/var/tmp cannot be evicted";
  EXPECT_EQ(pieces_text(shard), "absent@0+4194404 ");
  {
    const Kept kept(shard, every_page);
    EXPECT_EQ(pieces_text(shard), "resident@0+4194404 ");
  }
  const Kept kept(shard, every_second_mib);
  EXPECT_EQ(pieces_text(shard),
            "resident@0+1048576 absent@1+1048576 resident@2+1048576 absent@3+1048576 "
            "resident@4+100 ");
}

TEST_F(ShardFileTest, CountsABlockWithOnePageMissingAsAbsent) {
  const Shard shard = folder_.shard(3 * k_mib);
  evict(shard);
  if (resident_bytes(shard) > 0) GTEST_SKIP() << "/var/tmp cannot be evicted";
  const Kept kept(shard, [](std::uint64_t offset) { return offset != k_mib + os::page_size(); });
  if (resident_bytes(shard) == shard.bytes) GTEST_SKIP() << "one page cannot be left out alone";
  EXPECT_EQ(pieces_text(shard), "resident@0+1048576 absent@1+1048576 resident@2+1048576 ");
}

TEST_F(ShardFileTest, ClosesWithTheLastByte) {
  const Shard shard = folder_.shard(100);
  ShardFile file(shard, 0, ShardFile::Access{}, fallbacks_);
  file.open();
  const int fd = file.buffered_fd();
  EXPECT_FALSE(file.arrived({0, 0, 60, true}));
  EXPECT_GE(::fcntl(fd, F_GETFD), 0);
  EXPECT_TRUE(file.arrived({0, 60, 40, true}));
  EXPECT_LT(::fcntl(fd, F_GETFD), 0);
}

TEST_F(ShardFileTest, NoticesThatTheFileChangedSinceItWasOpened) {
  const Shard shard = folder_.shard(100);
  ShardFile file(shard, 0, ShardFile::Access{}, fallbacks_);
  file.open();
  const timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, shard.path.c_str(), times, 0), 0);
  EXPECT_THROW((void)file.arrived({0, 0, 100, true}), os::Error);
}

TEST_F(ShardFileTest, NoticesAnotherFileInItsPlaceWhenItIsOpenedAgain) {
  const Shard shard = folder_.shard(100);
  ShardFile file(shard, 0, ShardFile::Access{}, fallbacks_);
  file.open();
  if (file.direct_fd() < 0)
    GTEST_SKIP() << "/var/tmp refuses O_DIRECT: one descriptor does for all";
  os::replace_text(shard.path, std::string(100, 'x'));
  EXPECT_THROW((void)file.buffered_fd(), os::Error);
}

TEST_F(ShardFileTest, RefusesWhatIsNoRegularFile) {
  const std::string path = folder_.shard(0).path + ".fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  ShardFile file({path, 10}, 0, ShardFile::Access{}, fallbacks_);
  EXPECT_THROW(file.open(), os::Error);
}

TEST_F(ShardFileTest, GivesNoDirectDescriptorWhereItIsForbiddenOrRefused) {
  const Shard shard = folder_.shard(100);
  ShardFile forbidden(shard, 0, {.use_direct = false}, fallbacks_);
  forbidden.open();
  EXPECT_EQ(forbidden.direct_fd(), -1);
  EXPECT_EQ(fallbacks_.texts().size(), 0U);
  ShardFile refused(shard, 0, ShardFile::Access{}, fallbacks_);
  refused.open();
  if (refused.direct_fd() < 0) GTEST_SKIP() << "/var/tmp refuses O_DIRECT";
  refused.refuse_direct();
  refused.refuse_direct();
  EXPECT_EQ(refused.direct_fd(), -1);
  EXPECT_EQ(::fcntl(refused.buffered_fd(), F_GETFL) & O_DIRECT, 0);
  EXPECT_EQ(fallbacks_.texts().size(), 1U);
}

}  // namespace
}  // namespace coldload::load
