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

TEST(ReaderProcessNews, EndWithALineThatHasNoEnd) {
  ReaderProcess reader({"sh", "-c", R"(echo '{"event":"found"}'; exec yes x | tr -d '
')"});
  EXPECT_EQ(all_news(reader).size(), 1U);
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
