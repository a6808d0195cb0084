#include "storage/path_info.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "unit/temporary_directory.h"

namespace coldload::storage {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(InspectPath, ProcIsNeitherNetworkNorMemoryBacked) {
  const PathInfo info = inspect_path("/proc/self");
  EXPECT_EQ(info.mount.fs_type, "proc");
  EXPECT_FALSE(info.network);
  EXPECT_FALSE(info.device);
}

TEST(InspectPath, ShmIsMemory) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "no /dev/shm here";
  EXPECT_EQ(inspect_path("/dev/shm").cache, CacheKind::memory_backed);
}

TEST(InspectPath, NamesThePathThatIsNotThere) {
  try {
    (void)inspect_path("/not/there");
    FAIL() << "no error";
  } catch (const os::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/not/there"));
  }
}

// As in a chroot that is no mount point itself.
TEST(InspectPath, SaysSoWhereNoMountIsKnown) {
  PathInfo info;
  info.path = "/x";
  EXPECT_THAT(describe(info), Contains(HasSubstr("file system  unknown")));
}

class SameStorage : public ::testing::Test {
 protected:
  std::string file(const std::string& name) {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << name;
    return path;
  }
  TemporaryDirectory directory_{"coldload-test"};
};

TEST_F(SameStorage, OneDirectoryIsItself) {
  const PathInfo info = inspect_path(directory_.path());
  EXPECT_THAT(same_storage(info, {}, info, {}), HasSubstr("same directory"));
}

TEST_F(SameStorage, HardLinksAndSymlinksAreFound) {
  const std::string original = file("a");
  std::filesystem::create_directory(directory_.path() + "/other");
  const std::string link = directory_.path() + "/other/a";
  std::filesystem::create_hard_link(original, link);
  const PathInfo one = inspect_path(directory_.path());
  const PathInfo other = inspect_path(directory_.path() + "/other");
  EXPECT_THAT(same_storage(one, {original}, other, {link}), HasSubstr("1 of their files"));
}

TEST_F(SameStorage, TwoDirectoriesOfOneFileSystemAreTheSame) {
  std::filesystem::create_directory(directory_.path() + "/other");
  const std::string why = same_storage(inspect_path(directory_.path()), {},
                                       inspect_path(directory_.path() + "/other"), {});
  EXPECT_THAT(why, HasSubstr("same file system"));
}

TEST_F(SameStorage, DifferentDevicesAreNot) {
  PathInfo a;
  a.path = "/a";
  a.device_id = 1;
  a.device.emplace();
  a.device->major = 259;
  a.device->name = "nvme0n1";
  PathInfo b = a;
  b.path = "/b";
  b.device_id = 2;
  b.device->minor = 1;
  EXPECT_EQ(same_storage(a, {}, b, {}), "");
  b.device->minor = 0;
  EXPECT_THAT(same_storage(a, {}, b, {}), HasSubstr("same block device (nvme0n1)"));
}

}  // namespace
}  // namespace coldload::storage
