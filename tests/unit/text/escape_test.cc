#include "text/escape.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

TEST(Escape, Utf8LengthKnowsWhatIsNotACharacter) {
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("\xC3\xA9"), 2U);
  EXPECT_EQ(utf8_length("\xF0\x9F\x98\x80"), 4U);
  EXPECT_EQ(utf8_length(""), 0U);
  EXPECT_EQ(utf8_length("\x80"), 0U);
  EXPECT_EQ(utf8_length("\xC3"), 0U);              // cut
  EXPECT_EQ(utf8_length("\xC0\xAF"), 0U);          // overlong
  EXPECT_EQ(utf8_length("\xE0\x80\xAF"), 0U);      // overlong
  EXPECT_EQ(utf8_length("\xED\xA0\x80"), 0U);      // surrogate
  EXPECT_EQ(utf8_length("\xF4\x90\x80\x80"), 0U);  // past U+10FFFF
}

TEST(Escape, ValidUtf8ReplacesOnlyWhatIsWrong) {
  EXPECT_EQ(valid_utf8("a\xFFz\xC3\xA9"), "a\xEF\xBF\xBDz\xC3\xA9");
}

TEST(Escape, OneLineCannotSteerATerminal) {
  EXPECT_EQ(one_line("a\x1b[31mb\nc\td"), "a\xEF\xBF\xBD[31mb c d");
  EXPECT_EQ(one_line("a\xC2\x9B"
                     "31m"),
            "a\xEF\xBF\xBD"
            "31m");  // CSI as one character
  EXPECT_EQ(one_line("a\xE2\x80\xAE"
                     "b"),
            "a\xEF\xBF\xBD"
            "b");  // right-to-left override
}

TEST(Escape, WhatSteersIsKnownByItsCodePoint) {
  for (const std::uint32_t point : {0x00U, 0x1BU, 0x7FU, 0x9BU, 0xADU, 0x61CU, 0x200BU, 0x200EU,
                                    0x2028U, 0x202EU, 0x2060U, 0x2069U, 0xFEFFU, 0xE0041U}) {
    EXPECT_TRUE(steers(point)) << point;
  }
  for (const std::uint32_t point : {0x20U, 0x7EU, 0xA0U, 0xE9U, 0x5D0U, 0x200AU, 0x2010U, 0x2027U,
                                    0x202FU, 0x4E2DU, 0xFFFDU, 0x1F600U}) {
    EXPECT_FALSE(steers(point)) << point;
  }
}

TEST(Escape, SeveralLinesKeepTheirEndsAlone) {
  EXPECT_EQ(without_steering("a\tb\nc\r\x1b[2J\u202E\xff"), "a\tb\nc\uFFFD\uFFFD[2J\uFFFD\uFFFD");
  EXPECT_EQ(without_steering("größe\n"), "größe\n");
}

TEST(Escape, MarkdownTextShowsExactlyTheText) {
  EXPECT_EQ(markdown_text("<b>a_b*c`d|e\\f[g](h)"),
            "&#60;b&#62;a\\_b\\*c\\`d&#124;e\\\\f\\[g\\](h)");
  EXPECT_EQ(markdown_text("two\nlines"), "two lines");
  EXPECT_EQ(markdown_text("https://x.org/y"), "https:/&#47;x.org/y");
  EXPECT_EQ(markdown_text("/mnt/nvme (ext4), 4.2 s"), "/mnt/nvme (ext4), 4.2 s");
}

TEST(Escape, MarkdownCodeSurvivesBackticksAndPipes) {
  EXPECT_EQ(markdown_code("/mnt/a_b<c>"), "`/mnt/a_b<c>`");
  EXPECT_EQ(markdown_code("a`b"), "<code>a&#96;b</code>");
  EXPECT_EQ(markdown_code("a|<b>"), "<code>a&#124;&#60;b&#62;</code>");
  EXPECT_EQ(markdown_code(""), "<code></code>");
  EXPECT_EQ(markdown_code("a\nb"), "`a b`");
}

TEST(Escape, ShellWordsAreOneWord) {
  EXPECT_EQ(shell_word("/mnt/a-b_c.d"), "/mnt/a-b_c.d");
  EXPECT_EQ(shell_word("{model}"), "{model}");
  EXPECT_EQ(shell_word("--x={a,b}"), "'--x={a,b}'");
  EXPECT_EQ(shell_word("{1..3}"), "'{1..3}'");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's; rm *"), "'it'\\''s; rm *'");
  EXPECT_EQ(shell_word("a\x1b[31m'\\\u202Eb\xff"), "$'a\\x1b[31m\\'\\\\\\xe2\\x80\\xaeb�'");
  EXPECT_EQ(shell_word("größe"), "'größe'");
}

TEST(Escape, AShellLineIsItsWords) {
  EXPECT_EQ(shell_line({"serve", "/a b", ""}), "serve '/a b' ''");
  EXPECT_EQ(shell_line({}), "");
}

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
