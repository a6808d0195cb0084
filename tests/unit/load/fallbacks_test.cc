#include "load/fallbacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::load {
namespace {

TEST(Fallbacks, NamesEachReasonOnceHoweverManyFilesItMet) {
  Fallbacks fallbacks;
  fallbacks.add("no O_DIRECT", "/m/1");
  fallbacks.add("no io_uring", "");
  for (int i = 0; i < 9999; ++i) fallbacks.add("no O_DIRECT", "/m/2");
  EXPECT_THAT(fallbacks.texts(),
              testing::ElementsAre("no O_DIRECT: /m/1 and 9999 more", "no io_uring"));
}

TEST(Fallbacks, IsEmptyWhereNothingWasRefused) { EXPECT_TRUE(Fallbacks().texts().empty()); }

}  // namespace
}  // namespace coldload::load
