#include "process/bounded_log.h"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "os/file.h"
#include "unit/process/log_file.h"
#include "unit/temporary_directory.h"

namespace coldload::process {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ALog : public ::testing::Test {
 protected:
  [[nodiscard]] auto file() const { return testing::log_at(path_); }

  const TemporaryDirectory scratch_{"coldload-log"};
  const std::string path_ = scratch_.path() + "/log";
};

TEST_F(ALog, WithinItsLimitIsWhatWasWritten) {
  BoundedLog log(file(), 100);
  for (int i = 0; i < 10; ++i) log.write("ten bytes\n");
  log.finish();
  std::string all;
  for (int i = 0; i < 10; ++i) all += "ten bytes\n";
  EXPECT_EQ(os::read_text(path_), all);
  EXPECT_EQ(log.problem(), "");
}

TEST_F(ALog, PastItsLimitKeepsHeadAndTailAndSaysWhatIsMissing) {
  BoundedLog log(file(), 1000);
  log.write("the head\n");
  for (int i = 0; i < 10'000; ++i) log.write("ten bytes\n");
  log.write("the tail\n");
  log.finish();
  const std::string text = os::read_text(path_);
  EXPECT_LE(text.size(), 1100U);
  EXPECT_THAT(text, StartsWith("the head\n"));
  EXPECT_THAT(text, EndsWith("ten bytes\nthe tail\n"));
  EXPECT_THAT(text,
              HasSubstr("[coldload: 99.0 kB of the output are missing here: the log's limit]"));
  EXPECT_EQ(log.problem(), "99.0 kB of the output are missing in " + path_ + ": the log's limit");
}

TEST_F(ALog, OnAFullDiskIsSaidToLackWhatCame) {
  BoundedLog log(testing::log_at("/dev/full"), 1000);
  log.write("ten bytes\n");
  log.write("ten bytes\n");
  log.finish();
  EXPECT_EQ(log.problem(), "20 B of the output are missing in /dev/full: No space left on device");
}

TEST_F(ALog, GoesOnWhenThereIsRoomAgain) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{20, before.rlim_max};
  BoundedLog log(file(), 1000);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  for (int i = 0; i < 5; ++i) log.write("ten bytes\n");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  log.write("the end\n");
  log.finish();
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(os::read_text(path_),
            "ten bytes\nten bytes\n\n[coldload: 30 B of the output are missing here: File too "
            "large]\nthe end\n");
}

}  // namespace
}  // namespace coldload::process
