#include "run/reader_news.h"

#include <csignal>

#include <gtest/gtest.h>

#include "os/fd.h"

namespace coldload::run {
namespace {

using Kind = ReaderNews::Kind;

TEST(ReaderLine, ComesBackAsItWas) {
  const ReaderNews news{Kind::done, "cannot read \"a\nb\"", 7'200'000'000, 14.125, true, "/m", 9};
  const std::string line = to_line(news);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto back = parse_reader_line(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, news.kind);
  EXPECT_EQ(back->bytes, news.bytes);
  EXPECT_TRUE(back->at_most);
  EXPECT_EQ(back->seconds, news.seconds);
  EXPECT_EQ(back->text, news.text);
  EXPECT_EQ(back->path, news.path);
  EXPECT_EQ(back->files, news.files);
}

TEST(ReaderLine, WhatIsNoneIsNothing) {
  EXPECT_FALSE(parse_reader_line(""));
  EXPECT_FALSE(parse_reader_line("[1]"));
  EXPECT_FALSE(parse_reader_line(R"({"event":"other"})"));
  EXPECT_FALSE(parse_reader_line("Segmentation fault"));
}

TEST(NewsPipe, KnowsWhetherAnybodyListens) {
  ::signal(SIGPIPE, SIG_IGN);  // as the program does
  os::Pipe pipe = os::make_pipe();
  const NewsPipe news(pipe.write_end.get());
  news.tell({Kind::found});
  EXPECT_TRUE(news.is_heard());
  pipe.read_end.reset();
  EXPECT_FALSE(news.is_heard());
  news.tell({Kind::found});
}

}  // namespace
}  // namespace coldload::run
