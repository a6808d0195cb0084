#include "text/csv.h"

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

std::string error_of(std::string_view csv) {
  std::string error;
  EXPECT_FALSE(parse_csv(csv, &error).has_value());
  return error;
}

TEST(Csv, QuotesOnlyWhereNeeded) {
  EXPECT_EQ(csv_row({"1", "a b", "", "a;b=c"}), "1,a b,,a;b=c\n");
  EXPECT_EQ(csv_row({"a,b", "say \"x\"", "two\nlines", "cr\r"}),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"cr\r\"\n");
}

TEST(Csv, ReadsBackWhatItWrote) {
  const std::vector<std::string> fields{"", "\"", "\"\"", ",", "\n", "\r\n", "plain", "é|;=%"};
  std::string error;
  const auto rows = parse_csv(csv_row(fields) + csv_row(fields), &error);
  ASSERT_TRUE(rows.has_value()) << error;
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].fields, fields);
  EXPECT_EQ((*rows)[1].fields, fields);
  EXPECT_EQ((*rows)[0].line, 1U);
  EXPECT_EQ((*rows)[1].line, 4U);  // the first row has two line breaks in its fields
}

TEST(Csv, AcceptsCrLfAndAMissingLastLineEnd) {
  std::string error;
  const auto rows = parse_csv("a,b\r\n1,2", &error);
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ((*rows)[0].fields, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*rows)[1].fields, (std::vector<std::string>{"1", "2"}));
}

TEST(Csv, KeepsAnEmptyFieldAtTheEndOfTheText) {
  std::string error;
  const auto rows = parse_csv("a,b\n1,", &error);
  ASSERT_TRUE(rows.has_value()) << error;
  EXPECT_EQ((*rows)[1].fields, (std::vector<std::string>{"1", ""}));
}

TEST(Csv, NamesTheLineOfWhatIsWrong) {
  EXPECT_EQ(error_of("a,b\n1,2\n1\n"), "line 3: 1 fields where the header has 2");
  EXPECT_EQ(error_of("a\nx\"y\n"), "line 2: a quote inside a field that is not quoted");
  EXPECT_EQ(error_of("a\n\"x\ny\nz\n"), "line 2: a quote is opened and never closed");
  EXPECT_EQ(error_of("a\n\"x\"y\n"), "line 2: text after a closing quote");
  EXPECT_EQ(error_of("a\rb\n"), "line 1: a carriage return without a line feed");
}

}  // namespace
}  // namespace coldload::text
