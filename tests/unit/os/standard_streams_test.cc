#include "os/standard_streams.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"

namespace coldload::os {
namespace {

// Each body runs in a process of its own, as the streams are the process's.
#define IN_ITS_OWN_PROCESS(body) EXPECT_EXIT(body, ::testing::ExitedWithCode(0), "")

void expect_in_child(bool condition) {
  if (!condition) std::_Exit(1);
}

void close_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
}

TEST(StandardStreams, AreThereForNoFileToTakeTheirPlace) {
  IN_ITS_OWN_PROCESS({
    close_streams();
    open_missing_streams();
    expect_in_child(open_file("/dev/zero", O_RDONLY).get() > STDERR_FILENO);
    std::_Exit(0);
  });
}

TEST(StandardStreams, ThatWereMissingReadNothingAndWriteNothing) {
  IN_ITS_OWN_PROCESS({
    close_streams();
    open_missing_streams();
    char byte = 0;
    expect_in_child(::read(STDIN_FILENO, &byte, 1) == 0);
    expect_in_child(::write(STDOUT_FILENO, &byte, 1) == -1 && errno == EBADF);
    expect_in_child(::write(STDERR_FILENO, &byte, 1) == 1);
    std::_Exit(0);
  });
}

TEST(StandardStreams, ThatAreThereStayAsTheyAre) {
  IN_ITS_OWN_PROCESS({
    ::dup2(open_file("/dev/full", O_WRONLY).get(), STDOUT_FILENO);
    open_missing_streams();
    expect_in_child(::write(STDOUT_FILENO, "", 1) == -1 && errno == ENOSPC);
    std::_Exit(0);
  });
}

TEST(StandardOutput, ThatCannotBeWrittenIsAnError) {
  IN_ITS_OWN_PROCESS({
    ::dup2(open_file("/dev/full", O_WRONLY).get(), STDOUT_FILENO);
    std::fputs("a report", stdout);
    try {
      finish_standard_output();
    } catch (const SystemError& error) {
      std::_Exit(error.code() == ENOSPC ? 0 : 1);
    }
    std::_Exit(1);
  });
}

TEST(StandardOutput, ThatFailedInTheMiddleIsAnErrorWithThatCause) {
  IN_ITS_OWN_PROCESS({
    ::dup2(open_file("/dev/full", O_WRONLY).get(), STDOUT_FILENO);
    write_standard_output(std::string(1 << 20, 'x'));
    ::dup2(open_file("/dev/null", O_WRONLY).get(), STDOUT_FILENO);
    write_standard_output("the rest");
    try {
      finish_standard_output();
    } catch (const SystemError& error) {
      std::_Exit(error.code() == ENOSPC ? 0 : 1);
    }
    std::_Exit(1);
  });
}

TEST(StandardOutput, ThatNobodyReadsIsNone) {
  IN_ITS_OWN_PROCESS({
    std::signal(SIGPIPE, SIG_IGN);
    ::dup2(make_pipe().write_end.get(), STDOUT_FILENO);
    for (int line = 0; line < 10'000; ++line) std::fputs("a report, line by line\n", stdout);
    expect_in_child(std::ferror(stdout) != 0);
    finish_standard_output();
    std::_Exit(0);
  });
}

TEST(StandardOutput, ThatHasBeenWrittenIsNone) { EXPECT_NO_THROW(finish_standard_output()); }

}  // namespace
}  // namespace coldload::os
