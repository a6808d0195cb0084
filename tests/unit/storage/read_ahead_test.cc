#include "storage/read_ahead.h"

#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/fd.h"
#include "storage/page_cache.h"
#include "storage/path_info.h"
#include "unit/mostly.h"

namespace coldload::storage {
namespace {

using End = ReadAheadOutcome::End;
using ::testing::HasSubstr;

constexpr std::uint64_t k_mib = 1 << 20;

// In the build folder: the disk, where the temporary folder may be memory.
class ReadingAhead : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::current_path() / ("read-ahead-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    if (inspect_path(folder_).cache != CacheKind::page_cache) GTEST_SKIP() << "needs a disk";
    options_.available_bytes = [] { return 1024 * k_mib; };
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::uint64_t bytes) {
    const std::string path = folder_ / name;
    const os::Fd fd = os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    os::write_full(fd, std::string(bytes, 'x'));
    return path;
  }

  static ReadAheadOutcome finish(ReadAhead& ahead) {
    ahead.start();
    EXPECT_TRUE(ahead.wait_until(os::Clock::now() + std::chrono::seconds(60)));
    return ahead.outcome();
  }

  std::filesystem::path folder_;
  ReadAheadOptions options_;
};

TEST_F(ReadingAhead, BringsInWhatIsNotThere) {
  const std::vector<std::string> paths{file("a", 5 * k_mib + 17), file("b", 1), file("c", 0)};
  const PageCacheView view(paths);
  EXPECT_TRUE(mostly([&] {
    view.evict(std::chrono::seconds(5));
    ReadAhead ahead(paths, options_);
    EXPECT_EQ(ahead.file_bytes(), 5 * k_mib + 18);
    EXPECT_EQ(ahead.absent_bytes(), 5 * k_mib + 18);
    const ReadAheadOutcome outcome = finish(ahead);
    EXPECT_EQ(outcome.end, End::all);
    EXPECT_EQ(outcome.problem, "");
    EXPECT_LE(outcome.read_bytes, 5 * k_mib + 18);
    return outcome.read_bytes > 5 * k_mib && view.resident_bytes() == 5 * k_mib + 18;
  }));
}

TEST_F(ReadingAhead, CountsWhatWasThereToNobody) {
  const std::vector<std::string> paths{file("a", 8 * k_mib), file("b", 8 * k_mib)};
  const PageCacheView view(paths);
  const PageCacheView first({paths[0]});
  EXPECT_TRUE(mostly([&] {
    view.evict(std::chrono::seconds(5));
    first.warm(first.all(), {});
    ReadAhead ahead(paths, options_);
    EXPECT_GE(ahead.absent_bytes(), 8 * k_mib);
    const bool was_counted = ahead.absent_bytes() == 8 * k_mib;
    return finish(ahead).read_bytes == 8 * k_mib && was_counted;
  }));
}

TEST_F(ReadingAhead, ReadsInOrderAndNoMoreThanThereIsRoomFor) {
  const std::vector<std::string> paths{file("z", 4 * k_mib), file("b", 4 * k_mib),
                                       file("a", 4 * k_mib)};
  const PageCacheView view(paths);
  options_.available_bytes = [] { return 10 * k_mib; };  // four fifths of it are two files
  EXPECT_TRUE(mostly([&] {
    view.evict(std::chrono::seconds(5));
    ReadAhead ahead(paths, options_);
    EXPECT_EQ(ahead.room_bytes(), 8 * k_mib);
    EXPECT_EQ(finish(ahead).end, End::no_room);
    EXPECT_EQ(view.resident_bytes(2), 0U);
    return view.resident_bytes(0) == 4 * k_mib && view.resident_bytes(1) == 4 * k_mib;
  }));
}

TEST_F(ReadingAhead, WithoutKnownMemoryNothingIsRead) {
  options_.available_bytes = [] { return std::nullopt; };
  ReadAhead ahead({file("a", k_mib)}, options_);
  EXPECT_EQ(ahead.room_bytes(), 0U);
  const ReadAheadOutcome outcome = finish(ahead);
  EXPECT_EQ(outcome.end, End::no_room);
  EXPECT_EQ(outcome.read_bytes, 0U);
}

TEST_F(ReadingAhead, StopsWhenTold) {
  const std::string path = file("a", 64 * k_mib);
  PageCacheView({path}).evict(std::chrono::seconds(5));
  // Told by the first thread that asks for a piece.
  ReadAhead* told = nullptr;
  options_.threads = 4;
  options_.available_bytes = [&told] {
    if (told != nullptr) told->stop();
    return 1024 * k_mib;
  };
  ReadAhead ahead({path}, options_);
  told = &ahead;
  const ReadAheadOutcome outcome = finish(ahead);
  EXPECT_EQ(outcome.end, End::stopped);
  EXPECT_LE(outcome.read_bytes, options_.piece_bytes);
}

TEST_F(ReadingAhead, AFileThatCannotBeOpenedIsNamedAndTheOthersAreRead) {
  const std::string good = file("good", k_mib);
  const PageCacheView view({good});
  EXPECT_TRUE(mostly([&] {
    view.evict(std::chrono::seconds(5));
    ReadAhead ahead({folder_ / "gone", good}, options_);
    const ReadAheadOutcome outcome = finish(ahead);
    EXPECT_EQ(outcome.end, End::all);
    EXPECT_THAT(outcome.problem, HasSubstr("gone"));
    return outcome.read_bytes == k_mib;
  }));
}

TEST_F(ReadingAhead, AFileThatBecameShorterIsReadToItsEnd) {
  const std::string path = file("a", 16 * k_mib);
  PageCacheView({path}).evict(std::chrono::seconds(5));
  ReadAhead ahead({path}, options_);
  std::filesystem::resize_file(path, 3 * k_mib);
  const ReadAheadOutcome outcome = finish(ahead);
  EXPECT_EQ(outcome.end, End::all);
  EXPECT_LE(outcome.read_bytes, 3 * k_mib);
}

}  // namespace
}  // namespace coldload::storage
