#include "os/error.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace coldload::os {
namespace {

TEST(SystemError, NamesOperationObjectAndCause) {
  const SystemError error("open", "/a/b", EACCES);
  EXPECT_EQ(std::string(error.what()), "cannot open /a/b: Permission denied");
  EXPECT_EQ(error.code(), EACCES);
}

TEST(SystemError, NeedsNoPath) {
  EXPECT_EQ(std::string(SystemError("create a pipe", "", EMFILE).what()),
            "cannot create a pipe: Too many open files");
}

TEST(SystemError, SaysNothingOfDescriptorsWhereOneIsLeft) {
  EXPECT_EQ(std::string(SystemError("start inotify", "", EMFILE).what()),
            "cannot start inotify: Too many open files");
}

TEST(SystemError, AShortageIsTold) {
  EXPECT_TRUE(SystemError("write", "/a", ENOSPC).is_shortage());
  EXPECT_TRUE(SystemError::of_start("a child", EAGAIN).is_shortage());
  EXPECT_FALSE(SystemError("write", "/a", EROFS).is_shortage());
}

// In a child, whose limits are its own.
TEST(SystemErrorDeathTest, NamesTheLimitOfThisProcessThatIsBehindIt) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer that comes with this one opens a pipe to look at an object";
#endif
  const auto limited = [] {
    rlimit limit{0, 0};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    rlimit size{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &size);
    const std::string said = std::string(SystemError("create a pipe", "", EMFILE).what()) + "\n" +
                             SystemError("write", "/a", EFBIG).what() + "\n" +
                             SystemError::of_start("a child", EAGAIN).what() + "\n";
    static_cast<void>(::write(STDERR_FILENO, said.data(), said.size()));
    ::_exit(0);
  };
  EXPECT_EXIT(limited(), ::testing::ExitedWithCode(0),
              "Too many open files; this process may have 3 files open .RLIMIT_NOFILE, ulimit -n.\n"
              ".*write 4096 bytes of a file .RLIMIT_FSIZE, ulimit -f.\n"
              "cannot start a child: .*limit on processes reached .ulimit -u");
}

}  // namespace
}  // namespace coldload::os
