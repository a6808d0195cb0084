#include "storage/stored_bytes.h"

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/fd.h"
#include "storage/path_info.h"

namespace coldload::storage {
namespace {

// In the build folder: the disk, where the temporary folder may be memory.
class StoredBytesOf : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::current_path() / ("stored-bytes-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    info_ = inspect_path(folder_);
    if (file_system_of(info_.source()).stored != Stored::extents) GTEST_SKIP() << "needs a disk";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // `bytes` of 'x' after a hole of `hole` bytes.
  os::Fd file(off_t hole, std::size_t bytes) {
    os::Fd fd = os::open_file(folder_ / "a", O_RDWR | O_CREAT | O_TRUNC, 0644);
    ::lseek(fd.get(), hole, SEEK_SET);
    os::write_full(fd, std::string(bytes, 'x'));
    return fd;
  }

  std::filesystem::path folder_;
  PathInfo info_;
};

TEST_F(StoredBytesOf, AreAllOfAWholeFileThoughItWasJustWritten) {
  EXPECT_EQ(stored_bytes(file(0, 100'000), info_.source()).bytes, 100'000U);
  EXPECT_EQ(stored_bytes(file(0, 0), info_.source()).bytes, 0U);
}

TEST_F(StoredBytesOf, LeaveOutHolesAndWhatWasNeverWritten) {
  constexpr off_t k_hole = 1 << 20;
  const os::Fd sparse = file(k_hole, 1 << 20);
  EXPECT_EQ(stored_bytes(sparse, info_.source()).bytes, 1U << 20);
  if (::fallocate(sparse.get(), 0, 0, k_hole / 2) != 0) GTEST_SKIP() << "no fallocate here";
  EXPECT_EQ(stored_bytes(sparse, info_.source()).bytes, 1U << 20);
}

TEST_F(StoredBytesOf, AreNotKnownWhereTheFileSystemTellsNobody) {
  Mount squashfs = info_.mount;
  squashfs.fs_type = "squashfs";
  const StoredBytes stored = stored_bytes(file(0, 4096), squashfs);
  EXPECT_FALSE(stored.bytes);
  EXPECT_EQ(stored.reason, "squashfs compresses");
}

}  // namespace
}  // namespace coldload::storage
