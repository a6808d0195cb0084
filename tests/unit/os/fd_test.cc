#include "os/fd.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

using ::testing::HasSubstr;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

std::string message_of_open_regular(const std::string& path) {
  try {
    static_cast<void>(open_regular(path));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Fd, ClosesWhenItGoes) {
  int number = -1;
  {
    const Fd file = open_file("/dev/null", O_RDONLY);
    number = file.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, MovingGivesTheDescriptorAndThePathAway) {
  Fd first = open_file("/dev/null", O_RDONLY);
  const int number = first.get();
  Fd second = open_file("/dev/zero", O_RDONLY);
  const int replaced = second.get();
  second = std::move(first);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_EQ(second.get(), number);
  EXPECT_EQ(second.path(), "/dev/null");
}

TEST(Fd, ReleaseLeavesClosingToTheCaller) {
  int number = -1;
  {
    Fd file = open_file("/dev/null", O_RDONLY);
    number = file.release();
    EXPECT_FALSE(file.valid());
  }
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(OpenFile, IsNotInheritedByChildren) {
  const Fd file = open_file("/dev/null", O_RDONLY);
  EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
  const Pipe pipe = make_pipe();
  EXPECT_NE(::fcntl(pipe.read_end.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(pipe.write_end.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(OpenFile, NamesThePathAndTheCause) {
  try {
    static_cast<void>(open_file("/nowhere/at/all", O_RDONLY));
    FAIL() << "opened";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.code(), ENOENT);
    EXPECT_EQ(std::string(error.what()), "cannot open /nowhere/at/all: No such file or directory");
  }
}

TEST(OpenRegular, SaysWhatStandsInTheFilesPlace) {
  const TemporaryDirectory directory("fd-test");
  const std::string fifo = directory.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(message_of_open_regular(fifo), HasSubstr("it is a FIFO"));
  EXPECT_THAT(message_of_open_regular(directory.path()), HasSubstr("it is a directory"));
  EXPECT_THAT(message_of_open_regular("/dev/zero"), HasSubstr("it is a character device"));
}

TEST(OpenRegular, FollowsLinksAndRefusesLoops) {
  const TemporaryDirectory directory("fd-test");
  replace_text(directory.path() + "/file", "content");
  ASSERT_EQ(::symlink("file", (directory.path() + "/link").c_str()), 0);
  EXPECT_EQ(file_size(open_regular(directory.path() + "/link")), 7U);
  ASSERT_EQ(::symlink("loop", (directory.path() + "/loop").c_str()), 0);
  EXPECT_THROW(static_cast<void>(open_regular(directory.path() + "/loop")), SystemError);
}

TEST(RegularFileSize, LooksWithoutOpening) {
  const TemporaryDirectory directory("fd-test");
  replace_text(directory.path() + "/file", "content");
  EXPECT_EQ(regular_file_size(directory.path() + "/file"), 7U);
  EXPECT_THROW(static_cast<void>(regular_file_size(directory.path())), Error);
  EXPECT_THROW(static_cast<void>(regular_file_size("/dev/zero")), Error);
}

TEST(PreadFull, FillsTheBufferOrStopsAtTheEnd) {
  const TemporaryDirectory directory("fd-test");
  replace_text(directory.path() + "/file", "0123456789");
  const Fd file = open_file(directory.path() + "/file", O_RDONLY);
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(pread_full(file, buffer, 2), 4U);
  EXPECT_EQ(static_cast<char>(buffer[0]), '2');
  EXPECT_EQ(pread_full(file, buffer, 8), 2U);
  EXPECT_EQ(static_cast<char>(buffer[1]), '9');
  EXPECT_EQ(pread_full(file, buffer, 100), 0U);
}

TEST(PreadFull, ThrowsWhereReadingFails) {
  const Fd directory = open_file("/", O_RDONLY | O_DIRECTORY);
  std::array<std::byte, 4> buffer{};
  EXPECT_THROW(pread_full(directory, buffer, 0), SystemError);
}

TEST(WriteFull, WritesPastShortWrites) {
  // A pipe takes 64 KiB at a time; the reader is slower than the writer.
  Pipe pipe = make_pipe();
  ASSERT_GE(::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, 4096), 4096);
  const std::string text(200000, 'x');
  std::size_t received = 0;
  std::thread reader([&] {
    std::array<char, 3000> buffer{};
    ssize_t got = 0;
    while ((got = ::read(pipe.read_end.get(), buffer.data(), buffer.size())) > 0) {
      received += static_cast<std::size_t>(got);
    }
  });
  write_full(pipe.write_end, text);
  pipe.write_end.reset();
  reader.join();
  EXPECT_EQ(received, text.size());
}

// In a process of its own, as limits are the process's: the kernel writes up to the limit first,
// and refuses only the rest. Exits with 0 if that is told.
[[noreturn]] void write_past_the_size_limit(const std::string& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{100000, 100000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  int code = 0;
  try {
    write_full(open_file(path, O_WRONLY | O_CREAT, 0600), std::string(150000, 'x'));
  } catch (const SystemError& error) {
    code = error.code();
  }
  std::_Exit(code == EFBIG ? 0 : 1);
}

TEST(WriteFull, AShortWriteIsNotTakenForAWhole) {
  const TemporaryDirectory directory("fd-test");
  EXPECT_EXIT(write_past_the_size_limit(directory.path() + "/file"), ::testing::ExitedWithCode(0),
              "");
}

TEST(WriteFull, ThrowsWhereThereIsNoSpace) {
  const Fd full = open_file("/dev/full", O_WRONLY);
  try {
    write_full(full, std::string("x"));
    FAIL() << "wrote";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.code(), ENOSPC);
  }
}

}  // namespace
}  // namespace coldload::os
