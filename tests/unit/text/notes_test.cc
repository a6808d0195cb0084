#include "text/notes.h"

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

TEST(Notes, ArePairsThatPeopleCanRead) {
  EXPECT_EQ(format_notes({{"path", "/mnt/a b"}, {"cold", "verified"}}),
            "path=/mnt/a b; cold=verified");
}

TEST(Notes, EncodeWhatWouldBreakThem) {
  EXPECT_EQ(format_notes({{"k", "a;b=c%d\n\t\x7f"}}), "k=a%3Bb%3Dc%25d%0A%09%7F");
  EXPECT_EQ(format_notes({{"k", "caf\xC3\xA9 \xFF"}}), "k=caf\xC3\xA9 %FF");
}

TEST(Notes, ReadBackExactly) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  const Notes notes{{"a", all_bytes}, {"b", ""}, {"c", " ; x=1; "}, {"d", "100 %"}};
  EXPECT_EQ(parse_notes(format_notes(notes)), notes);
  EXPECT_EQ(parse_notes(""), Notes{});
}

TEST(Notes, RefuseWhatTheyCannotHaveWritten) {
  EXPECT_FALSE(parse_notes("no pair").has_value());
  EXPECT_FALSE(parse_notes("a=%2").has_value());
  EXPECT_FALSE(parse_notes("a=%ZZ").has_value());
}

}  // namespace
}  // namespace coldload::text
