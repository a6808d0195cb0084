#include "measure/environment.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace coldload::measure
