#include "process/log_tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::process {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CleanLine, DropsColoursTitlesAndControls) {
  EXPECT_EQ(clean_line("\x1b[1;36m(Engine pid=9)\x1b[0;0m ERROR\x1b]0;title\x07 x\x01\x7f\ty  "),
            "(Engine pid=9) ERROR x y");
  EXPECT_EQ(clean_line("cut \x1b["), "cut");
  EXPECT_EQ(clean_line("cut \x1b]0;endless"), "cut");
  EXPECT_EQ(clean_line("\x1b"), "");
}

TEST(CleanLine, IsValidUtf8WhateverComes) {
  EXPECT_EQ(clean_line("h\xc3\xa9 \xe2\x96\x88 \xf0\x9f\x98\x80"),
            "h\xc3\xa9 \xe2\x96\x88 \xf0\x9f\x98\x80");
  EXPECT_EQ(clean_line("\xff\xc3 \xe2\x96"), "?? ??");
  EXPECT_EQ(clean_line("\xed\xa0\x80"), "???");  // a surrogate
  EXPECT_EQ(clean_line("a\xc2\x9b"
                       "b"),
            "ab");  // CSI as a C1 control
}

TEST(CleanLine, CutsBetweenCharacters) {
  EXPECT_EQ(clean_line("abc\xc3\xa9", 4), "abc");
  EXPECT_EQ(clean_line(std::string(1000, 'x')).size(), 400U);
}

TEST(LastLogLines, AreTheLastThatSaySomething) {
  const TemporaryDirectory scratch("coldload-tail");
  const std::string path = scratch.path() + "/log";
  os::replace_text(path, "one\ntwo\r\n\nLoading: 1%\rLoading: 2%\r\n\x1b[0m\nlast");
  EXPECT_THAT(last_log_lines(path, 3), ElementsAre("Loading: 1%", "Loading: 2%", "last"));
  EXPECT_THAT(last_log_lines(path, 99),
              ElementsAre("one", "two", "Loading: 1%", "Loading: 2%", "last"));
}

TEST(LastLogLines, ReadOnlyTheEndOfALargeLog) {
  const TemporaryDirectory scratch("coldload-tail");
  const std::string path = scratch.path() + "/log";
  os::replace_text(path, std::string(20 << 20, 'x') + "\nlast\n");
  EXPECT_THAT(last_log_lines(path, 1), ElementsAre("last"));
}

TEST(LastLogLines, AreNoneWhereThereIsNoLog) {
  EXPECT_THAT(last_log_lines("/nonexistent/log", 5), IsEmpty());
  EXPECT_THAT(last_log_lines("/dev/zero", 5), IsEmpty());
}

}  // namespace
}  // namespace coldload::process
