// What we take from mincore(2) beside what cachestat(2) says (Linux 6.5): where both are true, on a
// disk's own file system, they are the same.
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file_pages.h"
#include "os/mapping.h"

namespace coldload::os {
namespace {

struct CachestatRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
struct Cachestat {
  std::uint64_t cached = 0;
  std::uint64_t dirty = 0;
  std::uint64_t in_writeback = 0;
  std::uint64_t evicted = 0;
  std::uint64_t recently_evicted = 0;
};

// Nothing where the kernel has no such call.
std::optional<std::uint64_t> cachestat_pages(const Fd& file, std::uint64_t bytes) {
  constexpr long k_cachestat = 451;
  CachestatRange range{0, bytes};
  Cachestat answer;
  if (::syscall(k_cachestat, file.get(), &range, &answer, 0) != 0) return std::nullopt;
  return answer.cached;
}

TEST(FilePagesBesideCachestat, AreAsManyWhateverWasRead) {
  constexpr std::uint64_t k_pages = 512;
  const std::uint64_t page = page_size();
  const std::uint64_t bytes = k_pages * page;
  const std::string path =
      std::filesystem::current_path() / ("cachestat-" + std::to_string(::getpid()));
  write_full(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), std::string(bytes, 'x'));
  const Fd reader = open_regular(path);
  std::filesystem::remove(path);
  ::fsync(reader.get());
  struct statfs file_system {};
  ASSERT_EQ(::fstatfs(reader.get(), &file_system), 0);
  if (file_system.f_type != EXT4_SUPER_MAGIC && file_system.f_type != XFS_SUPER_MAGIC) {
    GTEST_SKIP() << "needs a build folder on ext4 or XFS";
  }
  if (!cachestat_pages(reader, bytes)) GTEST_SKIP() << "this kernel has no cachestat(2)";

  const FilePages pages(reader, bytes);
  std::minstd_rand random(16);
  int compared = 0;
  for (int round = 0; round < 20; ++round) {
    ::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_DONTNEED);
    ::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_RANDOM);
    const std::size_t reads = random() % 60;
    for (std::size_t i = 0; i < reads; ++i) {
      char byte = 0;
      ASSERT_EQ(::pread(reader.get(), &byte, 1, static_cast<off_t>(random() % bytes)), 1);
    }
    // The kernel may take pages meanwhile: what was the same before and after counts.
    const std::uint64_t before = pages.resident_bytes();
    const auto said = cachestat_pages(reader, bytes);
    if (pages.resident_bytes() != before) continue;
    EXPECT_EQ(said, before / page) << "round " << round;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace coldload::os
