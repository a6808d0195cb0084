#include "run/figures.h"

#include <gtest/gtest.h>

namespace coldload::run {
namespace {

using Kind = ReaderNews::Kind;

TEST(StartFigures, WhatIsNotKnownIsNullAndNoGauge) {
  StartFigures figures;
  figures.path = "/m";
  EXPECT_EQ(to_json_line(figures),
            "{\"path\":\"/m\",\"ready_s\":null,\"read_ahead_bytes\":null,\"read_ahead_s\":null,"
            "\"copy_bytes\":null,\"copy_s\":null,\"serves_copy\":false,\"problem\":\"\"}\n");
  EXPECT_EQ(
      to_prometheus(figures),
      "# HELP coldload_serves_copy Whether the server was given a copy on local storage: 1 or "
      "0.\n# TYPE coldload_serves_copy gauge\ncoldload_serves_copy{path=\"/m\"} 0\n");
}

TEST(StartFigures, TakeWhatTheReaderSays) {
  StartFigures figures;
  figures.path = "a\"b\\c\nd";
  figures.ready_s = 6.25;
  EXPECT_FALSE(figures.take({Kind::reading, "", 5}));
  EXPECT_TRUE(figures.take({Kind::done, "", 998, 4.5}));
  EXPECT_TRUE(figures.take({Kind::copied, "", 1000, 8}));
  EXPECT_TRUE(figures.take({Kind::has_copy}));
  const std::string gauges = to_prometheus(figures);
  for (const char* line :
       {"coldload_ready_seconds{path=\"a\\\"b\\\\c\\nd\"} 6.25\n", "coldload_read_ahead_bytes{",
        "\"} 998\n", "coldload_read_ahead_seconds{", "\"} 4.5\n", "coldload_copy_bytes{",
        "\"} 1000\n", "coldload_copy_seconds{", "coldload_serves_copy{", "\"} 1\n"}) {
    EXPECT_NE(gauges.find(line), std::string::npos) << line;
  }
  EXPECT_TRUE(figures.take({Kind::refused, "no checkpoint"}));
  EXPECT_NE(to_json_line(figures).find("\"problem\":\"no checkpoint\""), std::string::npos);
}

}  // namespace
}  // namespace coldload::run
