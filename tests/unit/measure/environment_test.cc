#include "measure/environment.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldload::measure {
namespace {

TEST(GrowthPerSecond, IsKnownWhereBothFiguresAre) {
  EXPECT_EQ(growth_per_s(100, 300, 0.5), 400);
  EXPECT_EQ(growth_per_s(100, 100, 0.5), 0);
  EXPECT_EQ(growth_per_s(std::nullopt, 300, 0.5), std::nullopt);
  EXPECT_EQ(growth_per_s(100, std::nullopt, 0.5), std::nullopt);
}

TEST(GrowthPerSecond, IsNotKnownOfACounterThatBeganAnew) {
  EXPECT_EQ(growth_per_s(300, 100, 0.5), std::nullopt);
}

TEST(OthersOnThisMachine, AreNotKnownOfADeviceThatIsNotThere) {
  const Quiet quiet = look_for_others("/sys/dev/block/0:0/stat");
  EXPECT_EQ(quiet.disk_bytes_per_s, std::nullopt);
  EXPECT_TRUE(quiet.busy_cores);
}

TEST(OwnPriorities, AreSaidWhereTheyAreNotTheUsualOnes) {
  const auto child = [] {
    constexpr int k_of_process = 1;
    constexpr int k_idle = 3 << 13;
    ::setpriority(PRIO_PROCESS, 0, 19);
    ::syscall(SYS_ioprio_set, k_of_process, 0, k_idle);
    ::_exit(own_priorities() == "nice 19, I/O class idle" ? 0 : 1);
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace coldload::measure
