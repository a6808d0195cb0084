#include "text/fitted.h"

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

TEST(CutTo, CountsCharactersAndCutsNone) {
  EXPECT_EQ(cut_to("abc", 2), "ab");
  EXPECT_EQ(cut_to("abc", 3), "abc");
  EXPECT_EQ(cut_to("abc", 10), "abc");
  EXPECT_EQ(cut_to("\u00e4\u00f6\u00fc", 2), "\u00e4\u00f6");
  EXPECT_EQ(characters_in("\u00e4\u00f6\u00fc"), 3U);
  EXPECT_EQ(characters_in("a\xff"), 2U);  // what is no character stands for one
}

TEST(FittedLine, LeavesOutTheDispensableFirst) {
  const std::vector<LinePart> parts{{"title", 0}, {", rate", 3}, {", left", 1}, {", bytes", 2}};
  EXPECT_EQ(fitted_line(parts, 100), "title, rate, left, bytes");
  EXPECT_EQ(fitted_line(parts, 20), "title, left, bytes");
  EXPECT_EQ(fitted_line(parts, 12), "title, left");
  EXPECT_EQ(fitted_line(parts, 11), "title, left");
  EXPECT_EQ(fitted_line(parts, 6), "title");
  EXPECT_EQ(fitted_line(parts, 3), "tit");
}

TEST(WrappedLines, EndAtBlanksWithinTheWidth) {
  EXPECT_EQ(wrapped_lines("one two three\n", 2, 9), "one two\n  three\n");
  EXPECT_EQ(wrapped_lines("one two six\nten", 2, 7), "one two\n  six\nten");
  EXPECT_EQ(wrapped_lines("ab cd ef gh", 3, 5), "ab cd\n   ef\n   gh");
  EXPECT_EQ(wrapped_lines("a  table  row\n", 2, 80), "a  table  row\n");
  EXPECT_EQ(wrapped_lines("", 2, 5), "");
}

TEST(WrappedLines, LeaveWordsWholeWhateverTheWidth) {
  EXPECT_EQ(wrapped_lines("unbreakable", 2, 5), "unbreakable");
  EXPECT_EQ(wrapped_lines("   unbreakable b", 2, 5), "   unbreakable\n  b");
  EXPECT_EQ(wrapped_lines("a b", 9, 1), "a\n         b");
}

TEST(WaitingTime, IsRoundedUpToWhatAPersonReads) {
  EXPECT_EQ(waiting_time(0.2), "1 s");
  EXPECT_EQ(waiting_time(41.5), "42 s");
  EXPECT_EQ(waiting_time(90), "2 min");
  EXPECT_EQ(waiting_time(3599), "60 min");
  EXPECT_EQ(waiting_time(3600), "1 h 0 min");
  EXPECT_EQ(waiting_time(12000), "3 h 20 min");
  EXPECT_EQ(waiting_time(1e9), "277777 h");
}

}  // namespace
}  // namespace coldload::text
