#include "os/file.h"

#include <climits>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

namespace fs = std::filesystem;

std::size_t entries_in(const std::string& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory)) ++count;
  return count;
}

TEST(ReadText, ReadsFilesWhoseSizeIsSaidToBeZero) {
  EXPECT_NE(read_text("/proc/self/status").find("Name:"), std::string::npos);
}

TEST(ReadText, ReadsWhatIsLargerThanOneStep) {
  const TemporaryDirectory directory("file-test");
  const std::string text(300000, 'y');
  replace_text(directory.path() + "/file", text);
  EXPECT_EQ(read_text(directory.path() + "/file"), text);
}

TEST(ReadText, StopsAtTheLimitOnEndlessFiles) {
  EXPECT_THROW(static_cast<void>(read_text("/dev/zero", 1 << 20)), Error);
}

TEST(ReadText, DoesNotHangOnAFifo) {
  const TemporaryDirectory directory("file-test");
  const std::string fifo = directory.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(try_read_text(fifo).value_or(""), "");
}

TEST(TryReadText, CutsTrailingWhiteSpace) {
  const TemporaryDirectory directory("file-test");
  replace_text(directory.path() + "/file", " value \n\n");
  EXPECT_EQ(try_read_text(directory.path() + "/file"), " value");
}

TEST(TryReadText, IsNothingWhereThereIsNothingToRead) {
  EXPECT_FALSE(try_read_text("/nowhere").has_value());
  EXPECT_FALSE(try_read_text("/").has_value());
}

TEST(ReplaceText, ReplacesTheWholeAndLeavesNothingBeside) {
  const TemporaryDirectory directory("file-test");
  const std::string path = directory.path() + "/file";
  replace_text(path, "a long first text");
  replace_text(path, "short");
  EXPECT_EQ(read_text(path), "short");
  EXPECT_EQ(entries_in(directory.path()), 1U);
}

TEST(ReplaceText, KeepsTheOldFileWhereItFails) {
  const TemporaryDirectory directory("file-test");
  const std::string path = directory.path() + "/file";
  // A directory with something in it cannot be renamed over.
  fs::create_directory(path);
  replace_text(path + "/inside", "kept");
  EXPECT_THROW(replace_text(path, "new"), SystemError);
  EXPECT_EQ(read_text(path + "/inside"), "kept");
  EXPECT_EQ(entries_in(directory.path()), 1U);
}

TEST(ReplaceText, WritesWhatIsNoRegularFileInPlace) {
  const TemporaryDirectory directory("file-test");
  const std::string fifo = directory.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Fd reader = open_file(fifo, O_RDONLY | O_NONBLOCK);
  replace_text(fifo, "through");
  std::string got;
  EXPECT_TRUE(read_some(reader, &got));
  EXPECT_EQ(got, "through");
  fs::create_symlink(fifo, directory.path() + "/link");
  replace_text(directory.path() + "/link", "again");
  EXPECT_TRUE(read_some(reader, &got));
  EXPECT_EQ(got, "throughagain");
  replace_text("/dev/null", "nothing");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(ReplaceText, ReplacesWhatItsOwnersLinkLeadsTo) {
  const TemporaryDirectory directory("file-test");
  const std::string link = directory.path() + "/link";
  fs::create_symlink("file", link);
  replace_text(link, "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(read_text(directory.path() + "/file"), "new");
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a link somebody else's";
  ASSERT_EQ(::lchown(link.c_str(), 65534, 65534), 0);
  EXPECT_THROW(replace_text(link, "theirs"), Error);
  EXPECT_EQ(read_text(directory.path() + "/file"), "new");
  fs::remove(link);
  fs::create_symlink("/dev/null", link);
  EXPECT_NO_THROW(replace_text(link, "ours"));
  ASSERT_EQ(::lchown(link.c_str(), 65534, 65534), 0);
  EXPECT_THROW(replace_text(link, "to a device"), Error);
}

TEST(ReplaceText, KeepsThePermissions) {
  const TemporaryDirectory directory("file-test");
  const std::string path = directory.path() + "/file";
  replace_text(path, "old");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  replace_text(path, "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(ReplaceText, RefusesAFifoOfAnotherUserAtOnce) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a FIFO somebody else's";
  const TemporaryDirectory directory("file-test");
  const std::string fifo = directory.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  ASSERT_EQ(::chown(fifo.c_str(), 65534, 65534), 0);
  EXPECT_THROW(replace_text(fifo, "theirs"), Error);
}

TEST(ReplaceText, WritesToWhatADescriptorIsOpenOn) {
  const Pipe pipe = make_pipe();
  replace_text("/dev/fd/" + std::to_string(pipe.write_end.get()), "through");
  std::string got;
  EXPECT_TRUE(read_some(pipe.read_end, &got));
  EXPECT_EQ(got, "through");
}

TEST(ReplaceText, TakesALongName) {
  const TemporaryDirectory directory("file-test");
  const std::string path = directory.path() + "/" + std::string(NAME_MAX, 'n');
  replace_text(path, "x");
  EXPECT_EQ(read_text(path), "x");
}

TEST(TemporaryDirectory, GoesWithAllThatIsInIt) {
  std::string path;
  {
    const TemporaryDirectory directory("file-test");
    path = directory.path();
    fs::create_directories(path + "/a/b");
    replace_text(path + "/a/b/file", "x");
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TemporaryDirectory, IsPrivateAndFollowsNoLinkOut) {
  const TemporaryDirectory kept("file-test");
  replace_text(kept.path() + "/file", "x");
  {
    const TemporaryDirectory directory("file-test");
    struct stat info {};
    ASSERT_EQ(::stat(directory.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
    ASSERT_EQ(::symlink(kept.path().c_str(), (directory.path() + "/link").c_str()), 0);
  }
  EXPECT_TRUE(fs::exists(kept.path() + "/file"));
}

}  // namespace
}  // namespace coldload::os
