#include "os/cgroup.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "os/subprocess.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

constexpr const char* k_mounts =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices\n";

TEST(OwnCgroupDirectory, IsBelowTheMountPoint) {
  const std::string mounts =
      std::string(k_mounts) + "41 31 0:38 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 none rw\n";
  EXPECT_EQ(own_cgroup_directory(mounts, "3:cpuset:/x\n0::/user.slice/a b.scope\n"),
            "/sys/fs/cgroup/unified/user.slice/a b.scope");
  EXPECT_EQ(own_cgroup_directory(mounts, "0::/"), "/sys/fs/cgroup/unified");
}

TEST(OwnCgroupDirectory, CountsFromTheGroupThatIsMounted) {
  const std::string mounts = "41 31 0:38 /pod/one /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(own_cgroup_directory(mounts, "0::/pod/one/inner"), "/sys/fs/cgroup/inner");
  EXPECT_EQ(own_cgroup_directory(mounts, "0::/pod/one"), "/sys/fs/cgroup");
  EXPECT_FALSE(own_cgroup_directory(mounts, "0::/pod/one-more"));
  EXPECT_FALSE(own_cgroup_directory(mounts, "0::/"));
}

TEST(OwnCgroupDirectory, IsNothingWhereThereIsNone) {
  const std::string mounts = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  EXPECT_FALSE(own_cgroup_directory(k_mounts, "0::/"));
  EXPECT_FALSE(own_cgroup_directory(mounts, "3:cpuset:/x\n"));
  EXPECT_FALSE(own_cgroup_directory(mounts, "0::/../outside"));
  EXPECT_FALSE(own_cgroup_directory("", ""));
}

TEST(Cgroup, IsNothingWhereItCannotBeMade) {
  const TemporaryDirectory directory("cgroup-test");
  EXPECT_FALSE(Cgroup::create("/no/such/folder", "x"));
  EXPECT_FALSE(Cgroup::create(directory.path(), "x")) << "an ordinary folder is no group";
  EXPECT_NE(::access((directory.path() + "/x").c_str(), F_OK), 0) << "it is left behind";
}

// A hierarchy mounted for one test.
class MountedCgroup : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::mount("none", point_.path().c_str(), "cgroup2", 0, nullptr) != 0) {
      GTEST_SKIP() << "cannot mount a cgroup2 hierarchy: " << error_text(errno);
    }
    mounted_ = true;
    auto group = Cgroup::create(point_.path(), "coldload-test-" + std::to_string(::getpid()));
    if (!group) GTEST_SKIP() << "cannot make a cgroup, or it has no cgroup.kill";
    group_.emplace(std::move(*group));
  }
  void TearDown() override {
    group_.reset();
    if (mounted_) ::umount2(point_.path().c_str(), MNT_DETACH);
  }

  SpawnOptions shell(const std::string& script) const {
    SpawnOptions options;
    options.argv = {"sh", "-c", script};
    options.cgroup_fd = group_->fd();
    return options;
  }
  std::string members() const { return read_text(group_->directory() + "/cgroup.procs"); }

  TemporaryDirectory point_{"cgroup-test"};
  bool mounted_ = false;
  std::optional<Cgroup> group_;
};

TEST_F(MountedCgroup, HoldsAChildFromItsFirstInstant) {
  Subprocess child(shell("grep -q ^0::.*coldload-test- /proc/self/cgroup"));
  EXPECT_TRUE(child.wait().success());
}

TEST_F(MountedCgroup, KillsWhatHasLeftItsSessionAndItsParent) {
  Subprocess child(shell("setsid -f sh -c \"trap '' TERM; sleep 300\"; setsid -f sleep 300"));
  EXPECT_TRUE(child.wait().success());
  ASSERT_NE(members(), "");
  group_->kill();
  for (int i = 0; i < 500 && !members().empty(); ++i) ::usleep(10'000);
  EXPECT_EQ(members(), "");
}

TEST_F(MountedCgroup, IsKilledAndRemovedWithItsOwner) {
  const std::string directory = group_->directory();
  Subprocess child(shell("exec sleep 300"));
  group_.reset();
  EXPECT_NE(::access(directory.c_str(), F_OK), 0);
  const auto status = child.wait_until(Clock::now() + std::chrono::seconds(5));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal, SIGKILL);
}

TEST_F(MountedCgroup, IsRemovedThoughAnotherProcessRemovesItToo) {
  const auto same = Cgroup::adopt(group_->directory());
  ASSERT_TRUE(same);
  group_.reset();
  EXPECT_NE(::access(same->directory().c_str(), F_OK), 0);
}

TEST(Subprocess, StartsWithoutACgroupThatCannotBeUsed) {
  const TemporaryDirectory directory("cgroup-test");
  const Fd no_group = open_file(directory.path(), O_RDONLY | O_DIRECTORY);
  SpawnOptions options;
  options.argv = {"true"};
  options.cgroup_fd = no_group.get();
  EXPECT_TRUE(Subprocess(options).wait().success());
}

}  // namespace
}  // namespace coldload::os
