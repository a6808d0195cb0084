#include "run/reader_process.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace coldload::run {
namespace {

using Kind = ReaderNews::Kind;

std::vector<ReaderNews> all_news(ReaderProcess& reader) {
  std::vector<ReaderNews> all;
  constexpr int k_limit_ms = 30000;
  while (reader.fd() >= 0) {
    pollfd entry{reader.fd(), POLLIN, 0};
    if (::poll(&entry, 1, k_limit_ms) != 1) break;
    for (ReaderNews& news : reader.take()) all.push_back(std::move(news));
  }
  return all;
}

TEST(ReaderLine, ComesBackAsItWas) {
  const ReaderNews news{Kind::done, 7'200'000'000, true, 14.125, "cannot read \"a\nb\""};
  const std::string line = to_line(news);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto back = parse_reader_line(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, news.kind);
  EXPECT_EQ(back->bytes, news.bytes);
  EXPECT_TRUE(back->at_most);
  EXPECT_EQ(back->seconds, news.seconds);
  EXPECT_EQ(back->text, news.text);
}

TEST(ReaderLine, WhatIsNoneIsNothing) {
  EXPECT_FALSE(parse_reader_line(""));
  EXPECT_FALSE(parse_reader_line("[1]"));
  EXPECT_FALSE(parse_reader_line(R"({"event":"other"})"));
  EXPECT_FALSE(parse_reader_line("Segmentation fault"));
}

TEST(ReaderProcessNews, ComeInOrderAndEndWithIt) {
  ReaderProcess reader({"sh", "-c", R"(printf '{"event":"found"}\nnoise\n{"event":"done","byt';
                        sleep 0.1; printf 'es":5}\nhalf a line')"});
  const std::vector<ReaderNews> news = all_news(reader);
  ASSERT_EQ(news.size(), 2U);
  EXPECT_EQ(news[0].kind, Kind::found);
  EXPECT_EQ(news[1].kind, Kind::done);
  EXPECT_EQ(news[1].bytes, 5U);
  EXPECT_EQ(reader.fd(), -1);
}

TEST(ReaderProcessNews, CanBeToldToEnd) {
  ReaderProcess reader({"sh", "-c", R"(trap 'echo "{\"event\":\"done\"}"; exit' TERM
                        echo '{"event":"found"}'; while :; do sleep 0.05; done)"});
  pollfd entry{reader.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&entry, 1, 30000), 1);
  EXPECT_EQ(reader.take().at(0).kind, Kind::found);
  reader.stop();
  const std::vector<ReaderNews> news = all_news(reader);
  ASSERT_EQ(news.size(), 1U);
  EXPECT_EQ(news[0].kind, Kind::done);
}

}  // namespace
}  // namespace coldload::run
