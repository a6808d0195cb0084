#include "os/kernel_text.h"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::os {
namespace {

using testing::ElementsAre;

TEST(Split, KeepsWhatIsEmpty) {
  EXPECT_THAT(split("a::b:", ':'), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ':'), ElementsAre(""));
}

TEST(NextWord, TakesOneOffTheFrontAndIsEmptyAtTheEnd) {
  std::string_view text = "  one two";
  EXPECT_EQ(next_word(&text), "one");
  EXPECT_EQ(next_word(&text), "two");
  EXPECT_EQ(next_word(&text), "");
}

TEST(NumberOf, IsNothingWhereThereIsNone) {
  EXPECT_EQ(number_of("12 kB"), 12U);
  EXPECT_EQ(number_of("ff", 16), 255U);
  EXPECT_EQ(number_of("max"), std::nullopt);
  EXPECT_EQ(number_of("18446744073709551616"), std::nullopt);
}

TEST(NumberAfter, GoesByTheKeyAtTheStartOfALine) {
  constexpr std::string_view k_text = "inactive_file 1\nactive_file 2\nVmLck:\t   3 kB\nEmpty:\n";
  EXPECT_EQ(number_after(k_text, "active_file "), 2U);
  EXPECT_EQ(number_after(k_text, "VmLck:"), 3U);
  EXPECT_EQ(number_after(k_text, "Empty:"), std::nullopt);
  EXPECT_EQ(number_after(k_text, "Missing:"), std::nullopt);
}

}  // namespace
}  // namespace coldload::os
