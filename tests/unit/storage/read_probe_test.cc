#include "storage/read_probe.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file_pages.h"
#include "os/mapping.h"
#include "storage/page_cache.h"
#include "storage/path_info.h"
#include "storage/probed_files.h"

namespace coldload::storage {
namespace {

using testing::HasSubstr;

// In the build folder: the disk, where the temporary folder may be memory.
class ReadProbe : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::current_path() / ("read-probe-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    if (inspect_path(folder_).cache != CacheKind::page_cache) GTEST_SKIP() << "needs a disk";
    options_.in_flight = {1, 4};
    options_.level_time = options_.sequential_time = std::chrono::milliseconds(300);
    options_.latency_time = std::chrono::milliseconds(100);
    // Longer than the 0.1 s below which little data gives no rate, also on a busy machine.
    options_.page_cache_time = std::chrono::milliseconds(500);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::size_t mib) {
    const std::string path = folder_ / name;
    const os::Fd fd = os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (std::size_t i = 0; i < mib; ++i) os::write_full(fd, std::string(1 << 20, 'x'));
    os::write_full(fd, std::string(1234, 'y'));  // ends within a page
    EXPECT_EQ(::fsync(fd.get()), 0);
    return path;
  }

  // Residency of every page.
  static std::vector<bool> pages_of(const std::string& path) {
    const os::Fd fd = os::open_regular(path);
    const std::uint64_t bytes = os::file_size(fd);
    return os::FilePages(fd, bytes).look(0, bytes);
  }
  static void evict(const std::string& path) {
    PageCacheView({path}).evict(std::chrono::seconds(5));
  }
  // Probes cold files, which stay cold: again where it says that the machine took pages back.
  ReadFigures probe_cold(const std::vector<std::string>& paths) {
    constexpr int k_tries = 10;
    for (int i = 1;; ++i) {
      for (const std::string& path : paths) evict(path);
      ReadFigures figures = probe_reads(paths, options_);
      for (const std::string& path : paths) {
        EXPECT_EQ(PageCacheView({path}).resident_bytes(), 0U) << path;
      }
      const std::string& reason = figures.page_cache.reason;
      const bool taken_back = reason.starts_with("pages were dropped while they were read: ") ||
                              reason == "nothing stays in the page cache here";
      // Where this thread was off its processor for all of the time that it had.
      const bool was_away = figures.latency.reason == "no read could be timed";
      if ((!taken_back && !was_away) || i == k_tries || HasFailure()) return figures;
    }
  }

  std::filesystem::path folder_;
  ReadProbeOptions options_;
};

// How the residency of a file's pages changed.
struct Change {
  std::size_t came = 0;
  std::size_t went = 0;
};
Change change_of(const std::vector<bool>& before, const std::vector<bool>& now) {
  EXPECT_EQ(now.size(), before.size());
  Change change;
  for (std::size_t i = 0; i < std::min(now.size(), before.size()); ++i) {
    if (now[i] && !before[i]) ++change.came;
    if (!now[i] && before[i]) ++change.went;
  }
  return change;
}

TEST_F(ReadProbe, AFileOfTwoNamesIsReadOnce) {
  const std::vector<std::string> paths = {file("a", 3), folder_ / "b"};
  std::filesystem::create_hard_link(paths[0], paths[1]);
  ProbedFiles files(paths);
  PendingCall call;
  files.open(call);
  EXPECT_EQ(files.blocks().size(), 2U);
}

TEST_F(ReadProbe, LeavesColdFilesCold) {
  const ReadFigures figures = probe_cold({file("a", 97), file("b", 151)});
  ASSERT_EQ(figures.levels.size(), 2U);
  EXPECT_EQ(figures.levels[1].in_flight, 4U);
  EXPECT_TRUE(figures.best_bytes_per_s() || !figures.levels[0].rate.reason.empty());
  EXPECT_TRUE(figures.latency.median_s) << figures.latency.reason;
  EXPECT_TRUE(figures.page_cache.bytes_per_s) << figures.page_cache.reason;
}

// Some machines take back clean pages every few seconds: a try in which a file beside the probed
// ones lost pages says nothing, and of the others two more must leave all pages than lose some.
TEST_F(ReadProbe, LeavesWarmAndHalfWarmFilesAsTheyWere) {
  constexpr int k_tries = 15;
  bool machine_kept_once = false;
  int ahead = 0;
  for (int i = 0; i < k_tries; ++i) {
    const std::string beside = file("beside", 40);
    const std::vector<std::string> paths{file("warm", 40), file("half", 64)};
    evict(paths[1]);
    {
      const os::Fd reader = os::open_regular(paths[1]);
      ::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_RANDOM);
      std::vector<std::byte> some(20 << 20);
      os::pread_full(reader, some, 8 << 20);
    }
    const auto untouched = pages_of(beside);
    const auto warm = pages_of(paths[0]);
    const auto half = pages_of(paths[1]);
    static_cast<void>(probe_reads(paths, options_));
    const Change of_warm = change_of(warm, pages_of(paths[0]));
    const Change of_half = change_of(half, pages_of(paths[1]));
    ASSERT_EQ(of_warm.came + of_half.came, 0U);
    const bool left_all = of_warm.went + of_half.went == 0;
    const bool machine_kept = left_all || change_of(untouched, pages_of(beside)).went == 0;
    machine_kept_once |= machine_kept;
    if (machine_kept) ahead += left_all ? 1 : -1;
    if (ahead == 2) return;
  }
  ASSERT_FALSE(machine_kept_once) << "pages went in most of " << k_tries << " tries";
  GTEST_SKIP() << "this machine took back clean pages in each of " << k_tries << " tries";
}

TEST_F(ReadProbe, EveryMissingFigureHasItsReason) {
  const ReadFigures figures = probe_reads({file("tiny", 1)}, options_);
  for (const LevelRate& level : figures.levels) {
    EXPECT_NE(level.rate.bytes_per_s.has_value(), !level.rate.reason.empty()) << level.in_flight;
  }
  EXPECT_NE(figures.sequential.bytes_per_s.has_value(), !figures.sequential.reason.empty());
  EXPECT_NE(figures.latency.median_s.has_value(), !figures.latency.reason.empty());
}

TEST_F(ReadProbe, AfterItsDeadlineNothingStarts) {
  options_.deadline = os::Clock::now() - std::chrono::milliseconds(1);
  const ReadFigures figures = probe_reads({file("a", 30)}, options_);
  EXPECT_FALSE(figures.best_bytes_per_s());
  EXPECT_EQ(figures.levels[0].rate.reason, "no time was left");
  EXPECT_EQ(figures.page_cache.reason, "no time was left");
}

TEST_F(ReadProbe, StorageThatIsNotToBeMeasuredIsNotRead) {
  options_.no_storage_reason = "the rate is given: 100 MB/s";
  const ReadFigures figures = probe_cold({file("a", 80)});
  EXPECT_FALSE(figures.best_bytes_per_s());
  EXPECT_EQ(figures.levels[1].rate.reason, options_.no_storage_reason);
  EXPECT_TRUE(figures.page_cache.bytes_per_s) << figures.page_cache.reason;
}

TEST_F(ReadProbe, NoMemoryForThePageCacheIsNamed) {
  options_.page_cache_bytes = 0;
  EXPECT_THAT(probe_reads({file("a", 8)}, options_).page_cache.reason, HasSubstr("no memory"));
}

TEST_F(ReadProbe, AFileThatIsNotThereIsNamed) {
  try {
    static_cast<void>(probe_reads({folder_ / "gone"}, options_));
    FAIL();
  } catch (const os::SystemError& error) {
    EXPECT_THAT(error.what(), HasSubstr("gone"));
  }
}

TEST_F(ReadProbe, AFileCutWhileItIsReadEndsWhereItEnds) {
  const std::vector<std::string> paths{file("a", 8)};
  ProbedFiles files(paths);
  PendingCall call;
  files.open(call);
  const std::vector<Block> blocks = files.blocks();
  std::filesystem::resize_file(paths[0], 5 << 20);
  const os::Mapping buffer = os::Mapping::anonymous(k_request_bytes);
  const auto got = [&](std::size_t index) {
    return files.read(blocks.at(index), blocks.at(index).offset, buffer.bytes(),
                      ProbedFiles::Way::buffered, call);
  };
  EXPECT_EQ(got(0), k_request_bytes);
  EXPECT_EQ(got(2), 1U << 20);
  EXPECT_EQ(got(3), 0U);
}

TEST(SpreadOver, TakesTheFirstTheLastAndEvenlyBetween) {
  const std::vector<std::string> paths{"a", "b", "c", "d", "e"};
  EXPECT_THAT(spread_over(paths, 3), testing::ElementsAre("a", "c", "e"));
  EXPECT_EQ(spread_over(paths, 5), paths);
  EXPECT_EQ(spread_over(paths, 256), paths);
  EXPECT_THAT(spread_over(paths, 1), testing::ElementsAre("a"));
}

TEST(ShareBlocks, GivesEachLevelWholeRoundsAndNoBlockTwice) {
  for (const std::size_t blocks : {0UL, 1UL, 5UL, 64UL, 500UL, 70000UL}) {
    const std::vector<unsigned> levels{1, 2, 4, 8, 16, 32, 64};
    const auto shares = share_blocks(blocks, levels);
    ASSERT_EQ(shares.size(), levels.size() + 2);
    std::size_t sum = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (i < levels.size()) {
        EXPECT_EQ(shares[i] % levels[i], 0U) << blocks;
      }
      sum += shares[i];
    }
    EXPECT_LE(sum, blocks);
  }
}

TEST(ShareBlocks, WhatIsLeftGoesToTheOneReaderAndSmallReadsFirst) {
  EXPECT_THAT(share_blocks(2, {1, 8}), testing::ElementsAre(0, 0, 1, 1));
}

TEST(ReadTally, TooLittleGivesNoRate) {
  const os::TimePoint begin{std::chrono::seconds(1)};
  ReadTally little;
  little.add(begin, begin + std::chrono::milliseconds(1), 2 << 20);
  EXPECT_FALSE(little.rate("").bytes_per_s);
  EXPECT_THAT(little.rate("").reason, HasSubstr("too little to tell"));
  ReadTally enough;
  enough.add(begin, begin + std::chrono::milliseconds(200), 10'000'000);
  enough.add(begin + std::chrono::milliseconds(300), begin + std::chrono::milliseconds(500),
             10'000'000);
  EXPECT_DOUBLE_EQ(*enough.rate("").bytes_per_s, 40e6);
  EXPECT_EQ(ReadTally().rate("nothing").reason, "nothing");
}

TEST(ReadFigures, TheBestIsTheFastestOfAll) {
  ReadFigures figures;
  EXPECT_FALSE(figures.best_bytes_per_s());
  figures.levels = {{1, {100.0, "", 0, 0}}, {8, {300.0, "", 0, 0}}, {64, {{}, "no time", 0, 0}}};
  EXPECT_EQ(figures.best_bytes_per_s(), 300);
  EXPECT_EQ(figures.best_in_flight(), 8U);
  figures.sequential.bytes_per_s = 400;
  EXPECT_EQ(figures.best_bytes_per_s(), 400);
  EXPECT_EQ(figures.best_in_flight(), 0U);
}

TEST(BlocksForOneReader, AreAsManyAsItCanReadAndGiveBack) {
  using std::chrono::milliseconds;
  EXPECT_EQ(blocks_for_one_reader(1e6, milliseconds(400)), 32U);
  EXPECT_EQ(blocks_for_one_reader(100.0 * (2 << 20), milliseconds(500)), 100U);
  EXPECT_EQ(blocks_for_one_reader(1e12, milliseconds(500)), 1024U);
  EXPECT_EQ(blocks_for_one_reader(std::nullopt, milliseconds(500)), 1024U);
}

}  // namespace
}  // namespace coldload::storage
