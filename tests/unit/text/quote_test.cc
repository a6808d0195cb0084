#include "text/quote.h"

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

TEST(Quoted, LeavesPlainTextAndUtf8AsTheyAre) {
  EXPECT_EQ(quoted("model.layers.0"), "\"model.layers.0\"");
  EXPECT_EQ(quoted("größe"), "\"größe\"");
}

TEST(Quoted, HoldsNothingThatATerminalWouldObey) {
  EXPECT_EQ(quoted("a\x1b[2J\nb"), "\"a\xEF\xBF\xBD[2J b\"");
}

TEST(Quoted, CutsLongTextAtTheStartOfACharacter) {
  EXPECT_EQ(quoted("abcdef", 3), "\"abc...\"");
  EXPECT_EQ(quoted("aößx", 2), "\"a...\"");
}

}  // namespace
}  // namespace coldload::text
