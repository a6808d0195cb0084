#include "os/file_pages.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/mapping.h"
#include "unit/os/few_threads.h"

namespace coldload::os {
namespace {

// In the build folder: the disk, where the temporary folder may be memory.
class FilePagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::current_path() / ("file-pages-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // What no program has just written: clean.
  Fd file(std::size_t bytes) {
    const std::string path = folder_ / "file";
    const Fd written = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    write_full(written, std::string(bytes, 'x'));
    ::fsync(written.get());
    return open_regular(path);
  }

  std::filesystem::path folder_;
};

TEST_F(FilePagesTest, OfNoFileTellsNothing) { EXPECT_FALSE(FilePages().observable()); }

TEST_F(FilePagesTest, AnEmptyFileHasNone) {
  const FilePages pages(file(0), 0);
  EXPECT_TRUE(pages.observable());
  EXPECT_EQ(pages.resident_bytes(), 0U);
  EXPECT_TRUE(pages.look(0, 0).empty());
}

TEST_F(FilePagesTest, PagesAndBytesAreOfTheRangeAskedFor) {
  const std::uint64_t page = page_size();
  // Longer than one question to the kernel.
  const std::uint64_t bytes = 5000 * page + 17;
  const Fd reader = file(bytes);
  const FilePages pages(reader, bytes);
  const Mapping kept = Mapping::of_file(reader, bytes);
  const auto touch = [&](std::uint64_t number) {
    [[maybe_unused]] const volatile auto byte = kept.data()[number * page];
  };
  for (std::uint64_t number = 0; number <= 5000; ++number) touch(number);
  EXPECT_EQ(pages.resident_bytes(), bytes);
  EXPECT_EQ(pages.resident_bytes(5000 * page, 17), 17U);
  EXPECT_EQ(pages.resident_bytes(page, 1), 1U);
  EXPECT_EQ(pages.look(0, bytes), std::vector<bool>(5001, true));
  EXPECT_EQ(pages.look(4999 * page, page + 17).size(), 2U);
}

TEST_F(FilePagesTest, WhatWasReadIsTherePageByPage) {
  const std::uint64_t page = page_size();
  const Fd reader = file(64 * page);
  const FilePages pages(reader, 64 * page);
  ASSERT_EQ(::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_RANDOM), 0);
  for (int i = 0; i < 1000 && pages.resident_bytes() > 0; ++i) {
    ::posix_fadvise(reader.get(), 0, 0, POSIX_FADV_DONTNEED);
    ::usleep(1000);
  }
  if (pages.resident_bytes() > 0) GTEST_SKIP() << "needs a disk with a page cache";
  const Mapping kept = Mapping::of_file(reader, 64 * page);
  ::madvise(kept.data(), kept.size(), MADV_RANDOM);
  [[maybe_unused]] const volatile auto byte = kept.data()[8 * page];
  const std::vector<bool> there = pages.look(0, 64 * page);
  EXPECT_TRUE(there[8]);
  const auto count = static_cast<std::uint64_t>(std::count(there.begin(), there.end(), true));
  EXPECT_LT(count, 64U);
  EXPECT_EQ(pages.look(8 * page, page), std::vector<bool>{true});
}

using FilePagesDeathTest = FilePagesTest;

TEST_F(FilePagesTest, RootSeesTheFilesOfOthers) {
  NEEDS_ROOT();
  const Fd reader = file(page_size());
  ASSERT_EQ(::fchown(reader.get(), 65533, 65533), 0);
  ASSERT_EQ(::fchmod(reader.get(), 0400), 0);
  EXPECT_TRUE(may_see_pages(reader));
}

TEST_F(FilePagesDeathTest, OthersSeeOnlyWhatTheyMayWrite) {
  NEEDS_ROOT();
  const Fd reader = file(page_size());
  const auto answer = [&] { return may_see_pages(reader) ? 3 : 4; };
  ASSERT_EQ(::fchmod(reader.get(), 0644), 0);
  EXPECT_EXIT(exit_with_few_threads(0, answer), testing::ExitedWithCode(4), "");
  ASSERT_EQ(::fchmod(reader.get(), 0646), 0);
  EXPECT_EXIT(exit_with_few_threads(0, answer), testing::ExitedWithCode(3), "");
}

// What root of a new user namespace, whose users are 0 to 9 of ours, thinks of a file; nothing
// where there are no such namespaces.
std::optional<bool> seen_in_a_user_namespace(const Fd& file) {
  Pipe apart = make_pipe();
  Pipe mapped = make_pipe();
  const pid_t child = ::fork();
  char byte = 0;
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER) != 0) ::_exit(77);
    ::close(mapped.write_end.get());
    write_full(apart.write_end, "1");
    while (::read(mapped.read_end.get(), &byte, 1) > 0) {
    }
    ::_exit(may_see_pages(file) ? 3 : 4);
  }
  apart.write_end.reset();
  if (::read(apart.read_end.get(), &byte, 1) == 1) {
    write_full(open_file("/proc/" + std::to_string(child) + "/uid_map", O_WRONLY), "0 0 10");
  }
  mapped.write_end.reset();
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status == 77 << 8) return std::nullopt;
  return status == 3 << 8;
}

// As a container's root, whose capabilities do not reach the users that it does not know.
TEST_F(FilePagesTest, RootOfAUserNamespaceSeesTheFilesOfItsUsersAlone) {
  NEEDS_ROOT();
  const Fd reader = file(page_size());
  ASSERT_EQ(::fchmod(reader.get(), 0444), 0);
  ASSERT_EQ(::fchown(reader.get(), 9, 9), 0);
  const auto of_known = seen_in_a_user_namespace(reader);
  if (!of_known) GTEST_SKIP() << "no user namespaces";
  EXPECT_TRUE(*of_known);
  ASSERT_EQ(::fchown(reader.get(), 65533, 65533), 0);
  EXPECT_EQ(seen_in_a_user_namespace(reader), false);
}

}  // namespace
}  // namespace coldload::os
