#include "storage/page_cache.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/mapping.h"
#include "os/subprocess.h"
#include "os/told_step.h"
#include "storage/holders.h"
#include "storage/path_info.h"
#include "storage/residency_sampler.h"
#include "unit/mostly.h"

namespace coldload::storage {
namespace {

// In the build folder: the disk, where the temporary folder may be memory.
class PageCache : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::current_path() / ("page-cache-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    if (inspect_path(folder_).cache != CacheKind::page_cache) GTEST_SKIP() << "needs a disk";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::size_t bytes) {
    const std::string path = folder_ / name;
    const os::Fd fd = os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    os::write_full(fd, std::string(bytes, 'x'));
    return path;  // still dirty
  }

  std::filesystem::path folder_;
};

TEST_F(PageCache, WhatWasJustWrittenIsResidentAndCanBeEvicted) {
  const PageCacheView view({file("a", 1 << 20), file("b", 5000)});
  EXPECT_EQ(view.resident_bytes(), (1U << 20) + 5000U);
  view.evict(std::chrono::seconds(5));
  EXPECT_EQ(view.resident_bytes(), 0U);
  EXPECT_EQ(view.file_bytes(1), 5000U);
}

// However much of it is dirty, who waits sees that it goes on.
TEST_F(PageCache, AFlushIsToldPieceByPiece) {
  const std::string large = file("large", 5000);
  std::filesystem::resize_file(large, std::uint64_t{200} << 20);
  const PageCacheView view({large, file("small", 5000)});
  std::vector<std::string> steps;
  os::tell_steps_to([&steps](const std::string& step) { steps.push_back(step); });
  view.evict(std::chrono::seconds(0));  // one pass
  os::tell_steps_to({});
  const auto told = [&steps](const std::string& step) {
    return std::count(steps.begin(), steps.end(), step);
  };
  EXPECT_EQ(told("flush " + large), 4 + 1);
  EXPECT_EQ(told("flush " + view.path(1)), 1 + 1);
  EXPECT_EQ(told("evict " + large), 1);
}

TEST_F(PageCache, TheSampleIsExactAtBothEndsAndNearInBetween) {
  constexpr std::uint64_t k_bytes = 32 << 20;
  const PageCacheView view({file("a", k_bytes), file("b", 5000), file("c", 777)});
  EXPECT_TRUE(mostly([&] {
    view.warm(view.all(), {});
    return ResidencySampler(view, {0, 1}).look() == k_bytes + 5000U;
  }));
  view.evict(std::chrono::seconds(5));
  ResidencySampler sampler(view, {0, 1});
  EXPECT_EQ(sampler.look(), 0U);
  const os::Fd reader = os::open_regular(view.path(0));
  ::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_RANDOM);
  std::vector<std::byte> half(k_bytes / 2);
  EXPECT_TRUE(mostly([&] {
    os::pread_full(reader, half, 0);
    const auto exact = view.resident_bytes_of_first(2);
    const auto estimate = sampler.look();
    return exact && estimate &&
           std::abs(static_cast<double>(*estimate) - static_cast<double>(*exact)) <=
               k_bytes / 100.0;
  }));
  EXPECT_EQ(ResidencySampler(view, {}).look(), 0U);
}

TEST_F(PageCache, TheSampleRemembersWhatIsTakenAway) {
  constexpr std::uint64_t k_bytes = 1 << 20;
  const PageCacheView view({file("a", k_bytes)});
  const os::Fd reader = os::open_regular(view.path(0));
  ::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_RANDOM);
  std::vector<std::byte> half(k_bytes / 2);
  EXPECT_TRUE(mostly([&] {
    view.evict(std::chrono::seconds(5));
    ResidencySampler sampler(view, {0});
    EXPECT_FALSE(sampler.seen_bytes());
    bool saw_each = true;
    for (const std::uint64_t offset : {std::uint64_t{0}, k_bytes / 2}) {
      os::pread_full(reader, half, offset);
      saw_each = sampler.look().value_or(0) > 0 && saw_each;
      view.evict(std::chrono::seconds(5));
    }
    EXPECT_EQ(sampler.look(), 0U);
    return saw_each && sampler.seen_bytes() == k_bytes;
  }));
}

TEST_F(PageCache, WarmBringsAllOfItIn) {
  const PageCacheView view({file("a", (4 << 20) + 17), file("b", 1)});
  EXPECT_TRUE(mostly([&] {
    view.evict(std::chrono::seconds(5));
    std::uint64_t told = 0;
    view.warm(view.all(), [&](std::uint64_t bytes) { told = bytes; });
    EXPECT_EQ(told, (4U << 20) + 18U);
    return view.resident_bytes() == told && view.resident_bytes_of_first(1) == told - 1;
  }));
}

TEST_F(PageCache, LookingChangesNothing) {
  const PageCacheView view({file("a", 1 << 20)});
  view.evict(std::chrono::seconds(5));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(view.resident_bytes(), 0U);
}

TEST_F(PageCache, PartOfAFileIsSeenAsThatPart) {
  const PageCacheView view({file("a", 1 << 20)});
  view.evict(std::chrono::seconds(5));
  const os::Fd reader = os::open_regular(view.path(0));
  ASSERT_EQ(::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_RANDOM), 0);  // no readahead
  char byte = 0;
  ASSERT_EQ(::pread(reader.get(), &byte, 1, 8 * 4096), 1);
  const auto resident = view.resident_bytes();
  ASSERT_TRUE(resident);
  EXPECT_GT(*resident, 0U);
  EXPECT_LT(*resident, 1U << 20);
}

TEST_F(PageCache, AMappedPageStaysAndItsHolderIsFound) {
  const std::string path = file("a", 1 << 20);
  const PageCacheView view({path});
  const os::Fd fd = os::open_regular(path);
  const os::Mapping mapping = os::Mapping::of_file(fd, 1 << 20);
  volatile char touched = static_cast<char>(mapping.data()[0]);
  (void)touched;
  view.evict(std::chrono::milliseconds(50));
  EXPECT_GT(view.resident_bytes().value_or(0), 0U);
  // We ourselves are left out of the list.
  EXPECT_TRUE(find_holders({path}).empty());
}

// These two end by the test's own time limit where the patience is used up.
constexpr std::chrono::hours k_endless{1};

TEST_F(PageCache, NobodyWaitsForAFileInMemory) {
  const std::string path = "/dev/shm/coldload-page-cache-" + std::to_string(::getpid());
  const os::Fd written(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), path);
  if (!written.valid() || inspect_path(path).cache != CacheKind::memory_backed) {
    GTEST_SKIP() << "needs memory at /dev/shm";
  }
  os::write_full(written, std::string(100000, 'x'));
  const PageCacheView view({path, file("a", 1 << 20)});
  view.evict(k_endless);
  std::filesystem::remove(path);
  EXPECT_GT(view.resident_bytes(0).value_or(0), 0U);
  EXPECT_EQ(view.resident_bytes(1), 0U);
}

TEST_F(PageCache, NobodyWaitsForAFileThatAProcessLocks) {
  const std::string path = file("a", 1 << 20);
  const PageCacheView view({path, file("b", 1 << 20)});
  const os::Pipe ready = os::make_pipe();
  const pid_t locker = ::fork();
  if (locker == 0) {
    const os::Mapping mapping = os::Mapping::of_file(os::open_regular(path), 1 << 20);
    // Past the sanitizers, whose mlock() does nothing.
    const bool is_locked = ::syscall(SYS_mlock, mapping.data(), mapping.size()) == 0;
    os::write_full(ready.write_end, is_locked ? "y" : "n");
    for (;;) ::pause();
  }
  char locked = 0;
  ASSERT_EQ(::read(ready.read_end.get(), &locked, 1), 1);
  if (locked == 'y') view.evict(k_endless);
  const auto left = view.resident_bytes(0);
  ::kill(locker, SIGKILL);
  ::waitpid(locker, nullptr, 0);
  if (locked != 'y') GTEST_SKIP() << "no memory may be locked";
  EXPECT_EQ(left, 1U << 20);
  EXPECT_EQ(view.resident_bytes(1), 0U);
}

TEST_F(PageCache, AHolderIsFoundByWhateverNameItHasTheFile) {
  const std::string path = file("a", 100);
  const std::string other = folder_ / "other-name";
  std::filesystem::create_hard_link(path, other);
  os::SpawnOptions options;
  options.argv = {"sleep", "600"};
  const os::Fd held = os::open_regular(other);
  options.stdin_fd = held.get();
  const os::Subprocess holder(options);
  const std::vector<Holder> holders = find_holders({path});
  ASSERT_EQ(holders.size(), 1U);
  EXPECT_EQ(holders[0].pid, holder.pid());
  EXPECT_EQ(holders[0].path, path);
}

TEST_F(PageCache, AnEmptyFileIsNeitherInNorOut) {
  const PageCacheView view({file("empty", 0)});
  EXPECT_EQ(view.resident_bytes(), 0U);
  view.evict(std::chrono::milliseconds(50));
  EXPECT_EQ(view.file_bytes(0), 0U);
}

TEST_F(PageCache, AnOrdinaryDiskKeepsPagesWhenAFileIsOpenedAgain) {
  EXPECT_EQ(reopening_drops_pages(file("a", 100000)), false);
}

TEST_F(PageCache, AMissingFileIsNamed) {
  EXPECT_THROW(PageCacheView({folder_ / "missing"}), os::SystemError);
}

}  // namespace
}  // namespace coldload::storage
