#include "cli/console.h"

#include <string>

#include <gtest/gtest.h>

namespace coldload::cli {
namespace {

TEST(Console, CleansEveryTextThatIsPutIntoAFormat) {
  const std::string name = "a\x1b[2J\nb";
  const std::string cleaned = "a\uFFFD[2J b";
  EXPECT_EQ(shown::text("{}|{}|{}\n", name, name.c_str(), std::string_view(name)),
            cleaned + '|' + cleaned + '|' + cleaned + '\n');
}

TEST(Console, LeavesNumbersWidthsAndEscapesOfTheFormat) {
  EXPECT_EQ(shown::text("\033[31m{:>4} {:<3}{}\033[0m\n", 7U, "a", 0.5),
            "\033[31m   7 a  0.5\033[0m\n");
}

TEST(Console, LinesKeepTheirEndsAndNothingElse) {
  EXPECT_EQ(shown::text("{}", Lines("a\nb\r\x1b\n")), "a\nb\uFFFD\uFFFD\n");
}

}  // namespace
}  // namespace coldload::cli
