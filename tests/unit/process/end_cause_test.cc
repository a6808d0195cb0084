#include "process/end_cause.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::process {
namespace {

using ::testing::HasSubstr;

TEST(EndCause, OfASigkillIsLackOfMemoryWhereTheKernelKilledForThat) {
  const os::ExitStatus killed{0, SIGKILL};
  EXPECT_THAT(end_text(killed, 4, 5), HasSubstr("the kernel killed 1 process for lack of memory"));
  EXPECT_EQ(end_text(killed, 4, 4),
            "killed by SIGKILL: by somebody, not by the kernel for lack of memory");
  EXPECT_THAT(end_text(killed, std::nullopt, 4), HasSubstr("or by the kernel"));
}

TEST(EndCause, OfAllOthersIsWhatTheStatusSays) {
  EXPECT_EQ(end_text({3, 0}, 4, 5), "exit code 3");
  EXPECT_EQ(end_text({0, SIGTERM}, 4, 5), "killed by SIGTERM");
}

}  // namespace
}  // namespace coldload::process
