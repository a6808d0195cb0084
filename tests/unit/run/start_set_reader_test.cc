#include "run/start_set_reader.h"

#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "storage/page_cache.h"
#include "storage/path_info.h"

namespace coldload::run {
namespace {

using start_set::Group;
using start_set::StartFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t k_mebibyte = 1 << 20;

// In the build folder: the disk, where the temporary folder may be memory.
class ReadingAStartSet : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_);
    if (storage::inspect_path(folder_).cache != storage::CacheKind::page_cache) {
      GTEST_SKIP() << "needs a disk";
    }
    options_.available_bytes = [] { return 1024 * k_mebibyte; };
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // All of it is in the set, which describes it as it is.
  StartFile file(const std::string& name, std::uint64_t bytes, Group group = Group::program) {
    const std::string path = folder_ / name;
    os::write_full(os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644),
                   std::string(bytes, 'x'));
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return {path,
            group,
            bytes,
            {{0, bytes}},
            info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  }

  StartSetOutcome read(const std::vector<StartFile>& files) {
    start_set::StartSet set;
    set.files = files;
    StartSetReader reader(set, options_);
    reader.start();
    EXPECT_TRUE(reader.wait_until(os::Clock::now() + std::chrono::seconds(60)));
    return reader.outcome();
  }

  std::filesystem::path folder_ =
      std::filesystem::current_path() / ("start-set-" + std::to_string(::getpid()));
  StartSetReaderOptions options_;
};

TEST_F(ReadingAStartSet, BringsInItsRangesAndNothingOfTheWeights) {
  StartFile library = file("library", 16 * k_mebibyte);
  library.in_memory = {{4 * k_mebibyte, 6 * k_mebibyte}};
  const StartFile code = file("code", 100);
  const StartFile weights = file("weights", 2 * k_mebibyte, Group::weights);
  const storage::PageCacheView view({library.path, code.path, weights.path});
  view.evict(std::chrono::seconds(5));
  const StartSetOutcome outcome = read({code, library, weights});
  EXPECT_EQ(outcome.files, 2U);
  EXPECT_EQ(outcome.left_out, 0U);
  EXPECT_TRUE(outcome.had_room);
  EXPECT_GT(outcome.read_bytes, 3 * k_mebibyte);  // the machine may take some back at any time
  EXPECT_LE(outcome.read_bytes, 6 * k_mebibyte + 100);
  EXPECT_EQ(view.resident_bytes(2), 0U);
  EXPECT_LT(view.resident_bytes(0), 12 * k_mebibyte);  // readahead goes somewhat beyond
}

TEST_F(ReadingAStartSet, LeavesOutWhatIsNotAsItWas) {
  StartFile larger = file("larger", 10);
  larger.bytes = 11;
  StartFile newer = file("newer", 10);
  newer.changed_ns -= 2'000'000'000;
  StartFile gone = file("gone", 10);
  std::filesystem::remove(gone.path);
  StartFile linked = file("linked", 10);
  std::filesystem::rename(linked.path, folder_ / "elsewhere");
  std::filesystem::create_symlink("elsewhere", linked.path);
  StartFile fifo = file("fifo", 10);
  std::filesystem::remove(fifo.path);
  ASSERT_EQ(::mkfifo(fifo.path.c_str(), 0600), 0);
  StartFile folder = file("folder", 10);
  folder.path = folder_;
  const StartSetOutcome outcome =
      read({file("good", 10), larger, newer, gone, linked, fifo, folder});
  EXPECT_EQ(outcome.files, 1U);
  EXPECT_EQ(outcome.left_out, 6U);
  EXPECT_THAT(outcome.named,
              ElementsAre(HasSubstr("larger"), HasSubstr("newer"), HasSubstr("gone")));
}

TEST_F(ReadingAStartSet, NamesTheFirstThatAreLeftOutWhicheverThreadCameFirst) {
  std::vector<StartFile> gone;
  for (int number = 0; number < 64; ++number) {
    gone.push_back(file(std::to_string(number), 10));
    std::filesystem::remove(gone.back().path);
  }
  const std::string why = " (No such file or directory)";
  for (int again = 0; again < 100; ++again) {
    ASSERT_THAT(read(gone).named,
                ElementsAre(gone[0].path + why, gone[1].path + why, gone[2].path + why));
  }
}

TEST_F(ReadingAStartSet, SaysWhyAFileIsLeftOut) {
  StartFile larger = file("larger", 10);
  larger.bytes = 11;
  EXPECT_THAT(read({larger}).named, ElementsAre(larger.path + " (it has another size)"));
  StartFile newer = file("newer", 10);
  newer.changed_ns -= 2'000'000'000;
  EXPECT_THAT(read({newer}).named, ElementsAre(HasSubstr("it has changed since")));
}

TEST_F(ReadingAStartSet, ATimeInWholeSecondsIsTheSame) {
  StartFile packed = file("packed", 10);
  packed.changed_ns = packed.changed_ns / 1'000'000'000 * 1'000'000'000;
  EXPECT_EQ(read({packed}).files, 1U);
}

TEST_F(ReadingAStartSet, LeavesMemoryToTheServer) {
  options_.available_bytes = [] { return 5 * k_mebibyte; };
  const StartFile first = file("first", 3 * k_mebibyte);
  const StartFile second = file("second", 3 * k_mebibyte);
  const storage::PageCacheView view({first.path, second.path});
  view.evict(std::chrono::seconds(5));
  const StartSetOutcome outcome = read({first, second});
  EXPECT_FALSE(outcome.had_room);
  EXPECT_LE(outcome.read_bytes, 4 * k_mebibyte);
}

// Nobody reads: that the front is not waited for is not because it has been read.
TEST_F(ReadingAStartSet, OnlyWhatLiesBeforeTheWeightsHoldsThemUp) {
  const StartFile weights = file("weights", 10, Group::weights);
  start_set::StartSet set;
  set.files = {weights, file("after", 10)};
  const auto never = [] { return false; };
  StartSetReader(set, options_).wait_for_front(weights.path, never);  // returns at once
  set.files = {file("before", 10), weights};
  bool was_asked = false;
  StartSetReader(set, options_).wait_for_front(weights.path, [&] { return was_asked = true; });
  EXPECT_TRUE(was_asked);
  was_asked = false;
  StartSetReader(set, options_).wait_for_front("/proc/on/another/mount", [&] {
    return was_asked = true;
  });
  EXPECT_FALSE(was_asked);
  StartSetReader(set, options_).wait_for_front(weights.path, never);  // not for good
  StartSetReader reads(set, options_);
  reads.start();
  reads.wait_for_front(weights.path, never);
}

}  // namespace
}  // namespace coldload::run
