#include "text/notes.h"

#include <fmt/format.h>
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

TEST(Notes, EncodeEveryByteThatIsNotPlainAscii) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool plain = byte >= 0x20 && byte < 0x7f && byte != ';' && byte != '=' && byte != '%';
    const std::string text(1, static_cast<char>(byte));
    const std::string shown = plain ? text : fmt::format("%{:02X}", byte);
    EXPECT_EQ(format_notes({{text, text}}), shown + "=" + shown);
  }
}

TEST(Notes, EncodeWhatCouldSteerATerminal) {
  EXPECT_EQ(format_notes({{"k", "a\u202Eb\u009Bé"}}), "k=a%E2%80%AEb%C2%9Bé");
}

TEST(Notes, StaySplitAtSemicolonAndBlankWhateverIsInAValue) {
  EXPECT_EQ(format_notes({{"b", ""}, {"c", " ; x=1; "}, {"d", "100 %"}}),
            "b=; c= %3B x%3D1%3B ; d=100 %25");
}

}  // namespace
}  // namespace coldload::text
