#include "os/held_directory.h"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <unistd.h>

#include "os/child_answer.h"
#include "os/error.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

class Held : public ::testing::Test {
 protected:
  const TemporaryDirectory scratch_{"coldload-held"};
  const std::string prefix_ = scratch_.path() + "/of-";
};

TEST_F(Held, OneThatLivesIsNotAbandoned) {
  const Fd first = make_held_directory(prefix_);
  const Fd second = make_held_directory(prefix_);
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(abandoned_directories(prefix_).removable.empty());
}

TEST_F(Held, WhatADeadProcessLeftIsFoundOnce) {
  EXPECT_THROW((void)answer_of_child(
                   [this]() -> std::string {
                     const Fd held = make_held_directory(prefix_);
                     ::raise(SIGKILL);
                     return "";
                   },
                   Clock::now() + std::chrono::minutes(1)),
               Error);
  std::filesystem::create_directory_symlink(scratch_.path(), prefix_ + "alinkx");
  const auto abandoned = abandoned_directories(prefix_);
  ASSERT_EQ(abandoned.removable.size(), 1U);
  EXPECT_TRUE(abandoned_directories(prefix_).removable.empty());
}

TEST_F(Held, OneOfTwoThatLiveInItIsEnough) {
  Fd maker = make_held_directory(prefix_);
  const std::string path = maker.path();
  const Fd other = hold_directory(path);
  ASSERT_TRUE(other.valid());
  maker.reset();
  EXPECT_TRUE(abandoned_directories(prefix_).removable.empty());
}

TEST_F(Held, WhatItsUserMadeIsNotAbandonedWhateverItsName) {
  for (const char* end : {"notes", "notes-of-june", "backup", ""}) {
    std::filesystem::create_directories(prefix_ + end);
  }
  std::filesystem::create_directories(prefix_ + "copies");
  std::filesystem::create_directory(prefix_ + "copies/" + k_held_mark);  // no file
  EXPECT_TRUE(abandoned_directories(prefix_).removable.empty());
  // A copy of one that coldload made has its mark, but its user's name.
  Fd dead = make_held_directory(prefix_);
  std::filesystem::copy(dead.path(), prefix_ + "a-copy-of-it",
                        std::filesystem::copy_options::recursive);
  const std::string path = dead.path();
  dead.reset();
  const auto abandoned = abandoned_directories(prefix_);
  ASSERT_EQ(abandoned.removable.size(), 1U);
  EXPECT_EQ(abandoned.removable.front().path(), path);
}

TEST_F(Held, OneWithoutItsMarkIsNobodys) {
  Fd whole = make_held_directory(prefix_);
  remove_mark(whole);
  whole.reset();
  EXPECT_TRUE(abandoned_directories(prefix_).removable.empty());
}

TEST_F(Held, IsRemovedWithItsMarkOnceItHoldsNothingElse) {
  Fd held = make_held_directory(prefix_);
  const std::string path = held.path();
  std::filesystem::create_directory(path + "/x");
  EXPECT_FALSE(remove_held_directory(path));
  EXPECT_TRUE(std::filesystem::exists(path + "/" + k_held_mark));
  std::filesystem::remove(path + "/x");
  EXPECT_TRUE(remove_held_directory(path));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HeldOnANetwork, ALockIsNoProof) {
  EXPECT_TRUE(locks_are_seen_by_all(EXT4_SUPER_MAGIC));
  EXPECT_TRUE(locks_are_seen_by_all(TMPFS_MAGIC));
  EXPECT_TRUE(locks_are_seen_by_all(XFS_SUPER_MAGIC));
  for (const std::uint64_t type :
       {std::uint64_t{NFS_SUPER_MAGIC}, std::uint64_t{SMB_SUPER_MAGIC}, std::uint64_t{0xFF534D42},
        std::uint64_t{0xFE534D42},  // CIFS, SMB2
        std::uint64_t{FUSE_SUPER_MAGIC}, std::uint64_t{V9FS_MAGIC}, std::uint64_t{CEPH_SUPER_MAGIC},
        std::uint64_t{0x0BD00BD0},  // Lustre
        std::uint64_t{0}}) {
    EXPECT_FALSE(locks_are_seen_by_all(type)) << std::hex << type;
  }
}

}  // namespace
}  // namespace coldload::os
