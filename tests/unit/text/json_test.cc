#include "text/json.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::text {
namespace {

json::value parsed(std::string_view text) {
  std::string error;
  auto value = parse_json(text, &error);
  EXPECT_TRUE(value.has_value()) << text << ": " << error;
  return value.value_or(json::value());
}

std::string error_of(std::string_view text) {
  std::string error;
  EXPECT_FALSE(parse_json(text, &error).has_value()) << text;
  return error;
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(ParseJson, ReadsOneTextWithBlanksAround) {
  EXPECT_EQ(parsed(" {\"a\": [1, 2.5, null]} \n").as_object().at("a").as_array().size(), 3U);
}

TEST(ParseJson, SaysWhereAndWhyNot) {
  const std::string error = error_of("{\"a\": 1, }");
  EXPECT_NE(error.find("near byte"), std::string::npos) << error;
  for (const char* text : {"", " ", "{", "[1", "{\"a\"}", "nul", "[1] 2", "{} {}", "{'a': 1}",
                           "[1,]", "NaN", "\"\xff\"", "\"\xc0\x80\"", "01"}) {
    EXPECT_NE(error_of(text), "") << text;
  }
}

TEST(ParseJson, NamesAByteOrderMark) {
  std::string error;
  EXPECT_FALSE(parse_json("\xEF\xBB\xBF{}", &error).has_value());
  EXPECT_THAT(error, testing::HasSubstr("byte order mark"));
}

TEST(ParseJson, NeedsNoPlaceForTheError) { EXPECT_FALSE(parse_json("[", nullptr).has_value()); }

TEST(ParseJson, BoundsTheDepth) {
  EXPECT_TRUE(parse_json(nested(32), nullptr).has_value());
  EXPECT_FALSE(parse_json(nested(33), nullptr).has_value());
  EXPECT_FALSE(parse_json(nested(1000000), nullptr).has_value());
}

TEST(ToLine, KeepsTheOrderOfKeysAndOneLine) {
  const json::value value = {{"z", 1}, {"a", "two\nlines"}, {"list", {1, 2}}};
  EXPECT_EQ(to_line(value), R"({"z":1,"a":"two\nlines","list":[1,2]})");
}

TEST(ToLine, WritesNumbersShortAndExact) {
  const json::array values = {2.5, 0.1, 13.34, std::int64_t{-7},
                              std::numeric_limits<std::uint64_t>::max()};
  EXPECT_EQ(to_line(values), "[2.5,0.1,13.34,-7,18446744073709551615]");
}

TEST(ToLine, WritesWhatIsNoNumberAsNull) {
  const json::array values = {std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN(), nullptr};
  EXPECT_EQ(to_line(values), "[null,null,null]");
}

TEST(ToLine, IsReadBackAsItWas) {
  const json::value value = {{"\"quoted\"\t", "\x01 \xc3\xa4 \\"}, {"n", 1.0 / 3.0}, {"e", {}}};
  EXPECT_EQ(parsed(to_line(value)), value);
}

TEST(ToPretty, IndentsByTwoAndEndsWithALineFeed) {
  const json::value value = {{"a", {{"b", json::array{1}}}}, {"c", json::object{}}};
  EXPECT_EQ(to_pretty(value), R"({
  "a": {
    "b": [
      1
    ]
  },
  "c": {}
}
)");
  EXPECT_EQ(parsed(to_pretty(value)), value);
}

TEST(OrNull, UnknownIsNullNeverZero) {
  EXPECT_TRUE(or_null(std::optional<double>()).is_null());
  EXPECT_TRUE(or_null(std::optional<std::uint64_t>()).is_null());
  EXPECT_EQ(or_null(std::optional<double>(0.0)), json::value(0.0));
  EXPECT_EQ(or_null(std::optional<std::uint64_t>(7)), json::value(std::uint64_t{7}));
}

TEST(MemberAt, IsNothingForAnotherKindOrNoMember) {
  const json::value value = parsed(R"({"n": 3, "f": 2.5, "neg": -1, "s": "x", "z": null})");
  const json::object& object = value.as_object();
  EXPECT_EQ(number_at(object, "n"), 3.0);
  EXPECT_EQ(number_at(object, "f"), 2.5);
  EXPECT_EQ(number_at(object, "s"), std::nullopt);
  EXPECT_EQ(number_at(object, "missing"), std::nullopt);
  EXPECT_EQ(number_at(object, "z"), std::nullopt);
  EXPECT_EQ(unsigned_at(object, "n"), 3U);
  EXPECT_EQ(unsigned_at(object, "neg"), std::nullopt);
  EXPECT_EQ(unsigned_at(object, "f"), std::nullopt);
  EXPECT_EQ(string_at(object, "s"), "x");
  EXPECT_EQ(string_at(object, "n"), std::nullopt);
}

TEST(StringAt, KeepsZeroBytes) {
  const json::value value = parsed(R"({"s": "a\u0000b"})");
  EXPECT_EQ(string_at(value.as_object(), "s"), std::string("a\0b", 3));
}

TEST(ToLine, EscapesWhatCouldSteerATerminal) {
  const json::value value{{"k\u202E", "a\x7f\u009B\u200Bé\U000E0041"}};
  const std::string line = to_line(value);
  EXPECT_EQ(line, R"({"k\u202e":"a\u007f\u009b\u200bé\udb40\udc41"})");
  EXPECT_EQ(parse_json(line, nullptr), value);
}

TEST(ToLine, ReplacesWhatIsNotUtf8) {
  const json::object object{{"a\xff", "b\xc3"}, {"list", json::array{"\xfe", "c"}}};
  EXPECT_EQ(to_line(object), "{\"a�\":\"b�\",\"list\":[\"�\",\"c\"]}");
}

}  // namespace
}  // namespace coldload::text
