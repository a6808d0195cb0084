#include "cli/trial_line.h"

#include <gtest/gtest.h>

#include "text/fitted.h"

namespace coldload::cli {
namespace {

TrialLine full_line() {
  TrialLine line;
  line.title = "[3/12] net, cold run 2";
  line.step = "load";
  line.elapsed_s = 12.4;
  line.expected_s = 34.7;
  line.bytes = 3'200'000'000;
  line.total_bytes = 7'200'000'000;
  line.step_s = 12.8;
  line.left = {{310, true}};
  return line;
}

TEST(TrialLine, ShowsElapsedExpectedAndLeft) {
  EXPECT_EQ(to_text(full_line(), 199),
            "[3/12] net, cold run 2: load 12 s of about 35 s, 3.20 GB of 7.20 GB, 250 MB/s; at "
            "least 6 min left");
}

TEST(TrialLine, FitsItsWidthAndKeepsWhatIsWaitedFor) {
  EXPECT_EQ(to_text(full_line(), 79),
            "[3/12] net, cold run 2: load 12 s of about 35 s; at least 6 min left");
  EXPECT_EQ(to_text(full_line(), 59), "[3/12] net, cold run 2: load 12 s of about 35 s");
  for (std::size_t width = 1; width < 120; ++width) {
    EXPECT_LE(text::characters_in(to_text(full_line(), width)), width);
  }
}

TEST(TrialLine, GuessesNothing) {
  TrialLine line = full_line();
  line.expected_s.reset();
  line.left.reset();
  line.bytes = 0;
  EXPECT_EQ(to_text(line, 199), "[3/12] net, cold run 2: load 12 s");
}

}  // namespace
}  // namespace coldload::cli
