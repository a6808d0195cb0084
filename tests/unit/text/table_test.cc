#include "text/table.h"

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

TEST(Table, AlignsByCharactersNotBytes) {
  const Table table{{{"name", Align::left}, {"s", Align::right}},
                    {{"caf\xC3\xA9", "1.5"}, {"longer one", "12.25"}, {"x"}}};
  EXPECT_EQ(plain_table(table),
            "name            s\n"
            "caf\xC3\xA9          1.5\n"
            "longer one  12.25\n"
            "x\n");
}

TEST(Table, PlainCellsCannotSteerTheTerminal) {
  const Table table{{{"a", Align::left}}, {{"\x1b[2J\n"}}};
  EXPECT_EQ(plain_table(table), "a\n\xEF\xBF\xBD[2J\n");
}

TEST(Table, MarkdownKeepsItsShapeWhateverIsInACell) {
  const Table table{{{"a", Align::left}, {"b", Align::right}}, {{"x|y", "1\n2"}, {""}}};
  EXPECT_EQ(markdown_table(table),
            "| a | b |\n"
            "|---|--:|\n"
            "| x&#124;y | 1 2 |\n"
            "| | |\n");
}

}  // namespace
}  // namespace coldload::text
