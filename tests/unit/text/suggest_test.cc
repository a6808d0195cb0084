#include "text/suggest.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

const std::vector<std::string> k_commands{"compare", "measure", "cache", "inspect", "report"};

TEST(Nearest, FindsAWordWithATypingSlip) {
  EXPECT_EQ(nearest("comapre", k_commands), "compare");  // neighbours swapped
  EXPECT_EQ(nearest("compre", k_commands), "compare");   // one missing
  EXPECT_EQ(nearest("mesure", k_commands), "measure");
  EXPECT_EQ(nearest("cachee", k_commands), "cache");  // one too many
  EXPECT_EQ(nearest("imspekt", k_commands), "inspect");
}

TEST(Nearest, FindsNothingForAnotherWord) {
  EXPECT_EQ(nearest("benchmark", k_commands), "");
  EXPECT_EQ(nearest("xyz", k_commands), "");
  EXPECT_EQ(nearest("anything", {}), "");
}

TEST(Nearest, TakesTheNearerOfTwo) {
  EXPECT_EQ(nearest("--run", {"--out", "--runs", "--rung-count"}), "--runs");
}

TEST(Nearest, TakesTheFirstOfEquals) { EXPECT_EQ(nearest("cat", {"bat", "rat"}), "bat"); }

TEST(Nearest, ASwapIsOneEditNotTwo) {
  // "ab" is two replacements from "ba" and one swap.
  EXPECT_EQ(nearest("ba", {"cc", "ab"}), "ab");
  EXPECT_EQ(nearest("oabcdef", {"obacdfe"}), "obacdfe");
}

}  // namespace
}  // namespace coldload::text
