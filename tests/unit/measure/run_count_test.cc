#include "measure/run_count.h"

#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

TEST(RunCount, LooksAreFewAndFixed) {
  std::vector<std::uint64_t> looks;
  for (std::uint64_t runs = 0; runs <= 60; ++runs) {
    if (is_look(runs)) looks.push_back(runs);
  }
  EXPECT_EQ(looks, (std::vector<std::uint64_t>{5, 7, 10, 14, 20, 28, 40, 57}));
}

TEST(RunCount, TheWidestIntervalIsOfEveryArmAgainstTheFirst) {
  const std::vector<double> steady{10, 10.01, 10.02, 10.03, 10.04};
  const std::vector<double> slow{20, 20.02, 20.04, 20.06, 20.08};
  const std::vector<double> noisy{15, 20, 25, 30, 35};
  const auto narrow = widest_interval({steady, slow});
  ASSERT_TRUE(narrow);
  EXPECT_GT(*narrow, 0.001);
  EXPECT_LT(*narrow, 0.02);
  EXPECT_GT(widest_interval({steady, slow, noisy}), 0.5);
  EXPECT_EQ(widest_interval({steady, noisy, slow}), widest_interval({steady, slow, noisy}));
  EXPECT_FALSE(widest_interval({steady, {20, 20}}));  // no interval so far
  EXPECT_FALSE(widest_interval({steady, slow, {}}));  // all its runs failed
  EXPECT_FALSE(widest_interval({}));
}

RunCount automatic(std::uint64_t most) {
  RunCount count;
  count.automatic = true;
  count.runs = most;
  return count;
}

// Runs blocks of two arms until it stops; how many were whole.
std::uint64_t blocks_of(RunStop* stop, std::uint64_t most, double second_s) {
  for (std::uint64_t block = 1; block <= most; ++block) {
    for (const std::size_t arm : {std::size_t{0}, std::size_t{1}}) {
      const Slot slot{TrialKind::cold, arm, block};
      if (stop->before(slot)) return block - 1;
      const double noise = 1 + 0.1 * static_cast<double>(block % 3);
      stop->add(slot, arm == 0 ? 10 : 10 + second_s * noise);
    }
  }
  return most;
}

TEST(RunStop, StopsAtTheFirstLookThatIsPreciseAndNotInABlock) {
  RunStop steady(automatic(40), 2);
  EXPECT_EQ(blocks_of(&steady, 40, 0.1), 5U);
  RunStop noisy(automatic(12), 2);
  EXPECT_EQ(blocks_of(&noisy, 12, 1000), 12U);
}

TEST(RunStop, APathStillToComeIsNotWaitedForAndAFailingOneIs) {
  RunStop with_placeholder(automatic(40), 3);
  EXPECT_EQ(blocks_of(&with_placeholder, 40, 0.1), 5U);
  RunStop with_failures(automatic(10), 3);
  EXPECT_FALSE(with_failures.before({TrialKind::cold, 2, 1}));  // nothing of it is ever added
  EXPECT_EQ(blocks_of(&with_failures, 10, 0.1), 10U);
}

TEST(RunStop, AGivenNumberIsNeverCutAndWarmRunsAreMade) {
  RunStop fixed(RunCount{}, 2);
  EXPECT_EQ(blocks_of(&fixed, 30, 0), 30U);
  RunStop enough(automatic(40), 2);
  EXPECT_EQ(blocks_of(&enough, 40, 0), 5U);
  EXPECT_TRUE(enough.before({TrialKind::cold, 1, 6}));
  EXPECT_FALSE(enough.before({TrialKind::warm, 0, 1}));
}

TEST(RunStop, TellsWhatItFoundAndWhatEndedIt) {
  using Next = PrecisionLook::Next;
  RunStop steady(automatic(40), 2);
  EXPECT_FALSE(steady.news());
  (void)blocks_of(&steady, 40, 0.1);
  auto look = steady.news();
  ASSERT_TRUE(look && look->widest);
  EXPECT_EQ(look->runs, 5U);
  EXPECT_EQ(look->next, Next::goal_reached);
  EXPECT_LE(*look->widest, look->goal);
  steady.finish();
  EXPECT_FALSE(steady.news());  // it was told

  RunStop noisy(automatic(12), 2);
  (void)blocks_of(&noisy, 12, 1000);
  look = noisy.news();
  ASSERT_TRUE(look && look->widest);
  EXPECT_EQ(look->runs, 10U);
  EXPECT_EQ(look->next, Next::goes_on);
  EXPECT_GT(*look->widest, look->goal);
  noisy.finish();
  look = noisy.news();
  ASSERT_TRUE(look && look->widest);
  EXPECT_EQ(look->runs, 12U);
  EXPECT_EQ(look->next, Next::limit_reached);
}

TEST(RunStop, TheTimeIsALimitToo) {
  RunCount count = automatic(40);
  count.longest = std::chrono::nanoseconds(1);
  RunStop stop(count, 2);
  (void)blocks_of(&stop, 40, 1000);
  const auto look = stop.news();
  ASSERT_TRUE(look);
  EXPECT_EQ(look->runs, 1U);
  EXPECT_EQ(look->next, PrecisionLook::Next::limit_reached);
  EXPECT_FALSE(look->widest);
}

TEST(RunStop, StartsNoBlockThatWouldEndTooLate) {
  RunCount count = automatic(40);
  count.longest = std::chrono::nanoseconds(1);
  RunStop stop(count, 2);
  EXPECT_EQ(blocks_of(&stop, 40, 1000), 1U);  // the first is always made

  // Another block as long as the longest so far.
  count.longest = std::chrono::milliseconds(100);
  RunStop half_way(count, 1);
  EXPECT_FALSE(half_way.before({TrialKind::cold, 0, 1}));
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_TRUE(half_way.before({TrialKind::cold, 0, 2}));
}

TEST(RunCount, IsSaidInWords) {
  EXPECT_EQ(describe(RunCount{}), "");
  RunCount count = automatic(40);
  count.longest = std::chrono::minutes(90);
  EXPECT_NE(describe(count).find("at most 5 % of it wide"), std::string::npos);
  EXPECT_NE(describe(count).find("a limit was reached: 40 runs per path or 5400 s"),
            std::string::npos);
}

}  // namespace
}  // namespace coldload::measure
