#include "findings/ways_to_start.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "statistics/statistics.h"

namespace coldload::findings {
namespace {

using ::testing::DoubleNear;
using ::testing::Optional;

using Starts = std::vector<std::pair<std::string, std::vector<double>>>;  // by command

void add_path(const std::string& path, const Starts& starts, Comparison* comparison) {
  for (const auto& [command, seconds] : starts) {
    Arm arm;
    arm.facts.start.emplace();
    arm.facts.start->name = command;
    arm.facts.start->path_label = path;
    arm.cold.values_s = seconds;
    arm.cold.load_s = statistics::summarize(seconds);
    comparison->arms.push_back(std::move(arm));
  }
}

std::vector<WaysOfPath> ways_of(const Starts& starts) {
  Comparison comparison;
  add_path("nvme", starts, &comparison);
  return ways_to_start(comparison);
}

const std::vector<double> k_first{10, 11, 12, 13, 14};
const std::vector<double> k_faster{1, 2, 3, 4, 11.5};  // p = 8 / 252
const std::vector<double> k_slower{20, 21, 22, 23, 24};

TEST(WaysToStart, TheFastestOfSeveralIsPartlyTheLuckiest) {
  const auto of_two = ways_of({{"auto", k_first}, {"stream", k_faster}});
  EXPECT_EQ(main_contrast(of_two.front()).claim, Claim::shown);
  EXPECT_THAT(main_contrast(of_two.front()).p_value, Optional(DoubleNear(8.0 / 252, 1e-9)));
  EXPECT_LT(main_contrast(of_two.front()).ratio_ci->high, 1);

  const auto of_three = ways_of({{"auto", k_first}, {"stream", k_faster}, {"map", k_slower}});
  const Contrast& fastest = main_contrast(of_three.front());
  EXPECT_EQ(fastest.looks, 2U);
  EXPECT_EQ(fastest.claim, Claim::not_shown);
  EXPECT_THAT(fastest.p_value, Optional(DoubleNear(16.0 / 252, 1e-9)));
  EXPECT_GE(fastest.ratio_ci->high, 1);
  EXPECT_EQ(of_three.front().contrasts.back().claim, Claim::shown) << "no run of it is as fast";
}

TEST(WaysToStart, ManyCommandsNeedMoreRunsToShowOne) {
  EXPECT_EQ(fewest_to_show(1), 5U);
  EXPECT_EQ(fewest_to_show(6), 5U);
  EXPECT_EQ(fewest_to_show(7), 6U);
  Starts starts{{"auto", k_slower}};
  for (int i = 0; i < 7; ++i) starts.emplace_back(std::to_string(i), k_first);
  const auto ways = ways_of(starts);
  EXPECT_EQ(main_contrast(ways.front()).claim, Claim::separated);
  EXPECT_FALSE(main_contrast(ways.front()).ratio_ci);
}

TEST(WaysToStart, WhetherTheBestDiffersIsHeldAgainstAllCommandsToo) {
  Comparison two;
  add_path("nvme", {{"a", k_first}, {"b", k_faster}}, &two);
  add_path("net", {{"a", k_faster}, {"b", k_first}}, &two);
  EXPECT_TRUE(best_differs(two, ways_to_start(two)));
  Comparison three;
  add_path("nvme", {{"a", k_first}, {"b", k_faster}, {"c", k_slower}}, &three);
  add_path("net", {{"a", k_faster}, {"b", k_first}, {"c", k_slower}}, &three);
  EXPECT_FALSE(best_differs(three, ways_to_start(three)));
  EXPECT_EQ(contrast_of(three, 0, 1).looks, 2U);
  EXPECT_EQ(contrast_of(three, 0, 3).looks, 1U) << "another path";
}

}  // namespace
}  // namespace coldload::findings
