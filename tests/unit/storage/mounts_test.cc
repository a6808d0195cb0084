#include "storage/mounts.h"

#include <gtest/gtest.h>

namespace coldload::storage {
namespace {

TEST(ParseMountinfo, ReadsEveryFieldAndBothKindsOfOptions) {
  const auto mounts = parse_mountinfo(
      "36 35 0:34 /sub /mnt/efs rw,noatime shared:7 master:1 - nfs4 10.0.0.1:/ rw,vers=4.1\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].id, 36U);
  EXPECT_EQ(mounts[0].major, 0U);
  EXPECT_EQ(mounts[0].minor, 34U);
  EXPECT_EQ(mounts[0].root, "/sub");
  EXPECT_EQ(mounts[0].point, "/mnt/efs");
  EXPECT_EQ(mounts[0].fs_type, "nfs4");
  EXPECT_EQ(mounts[0].source, "10.0.0.1:/");
  EXPECT_EQ(mounts[0].options, "rw,noatime,rw,vers=4.1");
}

TEST(ParseMountinfo, UndoesTheEscapesOfBlanks) {
  const auto mounts = parse_mountinfo("36 35 8:1 / /mnt/my\\040disk rw - ext4 /dev/sda1 rw\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].point, "/mnt/my disk");
}

TEST(ParseMountinfo, LeavesOutWhatIsNoMount) {
  EXPECT_TRUE(parse_mountinfo("").empty());
  EXPECT_TRUE(parse_mountinfo("rubbish\n1 2 3\n36 35 x / /mnt rw - ext4 s rw\n").empty());
}

TEST(MountOf, IsTheLongestAndTheLast) {
  const auto mounts = parse_mountinfo(
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 8:2 / /models rw - xfs /dev/sdb1 rw\n"
      "3 1 8:1 /srv/a /models rw - ext4 /dev/sda1 rw\n");
  EXPECT_EQ(mount_of(mounts, "/models/m")->root, "/srv/a");
  EXPECT_EQ(mount_of(mounts, "/modelsx")->point, "/");
  EXPECT_EQ(mount_of({}, "/x"), nullptr);
}

TEST(MountOption, HasAValueIsBareOrIsNotThere) {
  Mount mount;
  mount.options = "rw,fsc,cache=loose,vers=4.2";
  EXPECT_EQ(mount_option(mount, "fsc"), "");
  EXPECT_EQ(mount_option(mount, "cache"), "loose");
  EXPECT_FALSE(mount_option(mount, "cach"));
  EXPECT_FALSE(mount_option(mount, "loose"));
}

}  // namespace
}  // namespace coldload::storage
