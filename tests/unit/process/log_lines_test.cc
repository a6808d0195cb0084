#include "process/log_lines.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace coldload::process {
namespace {

using std::chrono::seconds;

os::TimePoint at(int s) { return os::TimePoint(seconds(s)); }

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
  std::vector<std::string> lines;
  LogLines reader([&](const LogLine& line) { lines.emplace_back(line.text()); });
  for (const std::string& piece : pieces) reader.feed(at(0), piece);
  reader.finish();
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LogLines, EndAtLineFeedsAndCarriageReturns) {
  EXPECT_EQ(lines_of({"a\nb\r\nc\rd"}), (Lines{"a", "b", "c", "d"}));
  EXPECT_EQ(lines_of({"\n\n\r\r\n"}), Lines{});
  EXPECT_EQ(lines_of({"\r 10%\r 20%\r 30%\ndone\n"}), (Lines{" 10%", " 20%", " 30%", "done"}));
}

TEST(LogLines, ArePutTogetherFromPieces) {
  EXPECT_EQ(lines_of({"Loading wei", "ghts took", " 1 s", "econds\nnext"}),
            (Lines{"Loading weights took 1 seconds", "next"}));
  std::vector<std::string> bytes;
  for (const char c : std::string("one\r\ntwo\x1b[1m!\n")) bytes.emplace_back(1, c);
  EXPECT_EQ(lines_of(bytes), (Lines{"one", "two!"}));
}

TEST(LogLines, LoseTheirEscapeSequences) {
  EXPECT_EQ(lines_of({"\x1b[32mINFO\x1b[0m x\n"}), Lines{"INFO x"});
  EXPECT_EQ(lines_of({"\x1b]0;title\ax\x1b]8;;u\x1b\\y\n"}), Lines{"xy"});
  EXPECT_EQ(lines_of({"a\x1b", "[3", "1mb\n"}), Lines{"ab"});
  // One that never ends takes its line with it and no more.
  EXPECT_EQ(lines_of({"a\x1b]never ending\nb\n"}), (Lines{"a", "b"}));
}

TEST(LogLines, AreCutAtFourKibibytes) {
  const std::string endless(10 << 20, 'x');
  const auto lines = lines_of({endless, endless, "Loading weights took 3 seconds\nnext\n"});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].size(), k_longest_log_line);
  EXPECT_EQ(lines[1], "next");
}

TEST(LogLines, StampEveryByteOnReceipt) {
  std::vector<std::pair<std::size_t, os::TimePoint>> asked;
  std::vector<os::TimePoint> stamps;
  LogLines reader([&](const LogLine& line) {
    for (const std::size_t offset : {0U, 3U, 4U, 7U, 8U, 100U}) {
      stamps.push_back(line.received_at(offset));
    }
  });
  reader.feed(at(1), "abcd");  // a progress bar that stays there
  reader.feed(at(2), "efgh");
  reader.feed(at(3), "\x1b[0mij\n");
  const std::vector<os::TimePoint> expected{at(1), at(1), at(2), at(2), at(3), at(3)};
  EXPECT_EQ(stamps, expected);
}

TEST(LogLines, StampALineOfManyPiecesWithoutEnd) {
  os::TimePoint first{};
  LogLines reader([&](const LogLine& line) { first = line.received_at(0); });
  for (int i = 1; i < 100000; ++i) reader.feed(at(i), "x");
  reader.finish();
  EXPECT_EQ(first, at(1));
}

}  // namespace
}  // namespace coldload::process
