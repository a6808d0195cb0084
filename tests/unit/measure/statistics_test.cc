#include "measure/statistics.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

using Values = std::vector<double>;

// The expected figures were computed by enumerating every relabelling (order, resample) in Python.

TEST(Statistics, SummaryOfAFewValues) {
  EXPECT_FALSE(summarize(Values{}).has_value());
  const auto odd = summarize(Values{3, 1, 2});
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(odd->n, 3U);
  EXPECT_EQ(odd->median, 2);
  EXPECT_EQ(odd->min, 1);
  EXPECT_EQ(odd->max, 3);
  EXPECT_EQ(median(Values{4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median(Values{7}), 7);
}

TEST(Statistics, RankTestIsExactWithoutTies) {
  EXPECT_NEAR(*mann_whitney_p(Values{1, 2, 3}, Values{4, 5, 6}), 0.1, 1e-12);
  EXPECT_NEAR(*mann_whitney_p(Values{6, 7, 8, 9, 10}, Values{1, 2, 3, 4, 5}), 2.0 / 252, 1e-12);
  EXPECT_NEAR(*mann_whitney_p(Values{10.1, 10.4, 9.9, 10.2, 10.8, 10.0, 10.3, 10.5},
                              Values{10.6, 10.2, 11.1, 10.9, 10.7, 10.3, 11.3, 10.45}),
              0.03527583527583528, 1e-12);
}

TEST(Statistics, RankTestIsExactWithTiesAndUnequalArms) {
  EXPECT_NEAR(*mann_whitney_p(Values{1, 2, 2, 3}, Values{2, 3, 4, 4}), 0.2, 1e-12);
  EXPECT_NEAR(*mann_whitney_p(Values{5, 1, 2}, Values{2, 3, 4, 4, 6, 7}), 0.30952380952380953,
              1e-12);
  EXPECT_NEAR(*mann_whitney_p(Values{2, 2}, Values{2, 2, 2}), 1.0, 1e-12);
}

TEST(Statistics, RankTestOfOneAgainstOneCannotShowAnything) {
  EXPECT_NEAR(*mann_whitney_p(Values{1}, Values{100}), 1.0, 1e-12);
  EXPECT_FALSE(mann_whitney_p(Values{}, Values{1}).has_value());
}

TEST(Statistics, RankTestApproximatesLargeSamples) {
  Values a;
  Values b;
  for (int i = 0; i < 40; ++i) a.push_back(std::fmod(i * 0.37, 7));
  for (int i = 0; i < 35; ++i) b.push_back(std::fmod(i * 0.53, 7) + 0.8);
  EXPECT_NEAR(*mann_whitney_p(a, b), 0.1099778569303769, 1e-9);
}

TEST(Statistics, IntervalsAgreeWithTheExactBootstrapDistribution) {
  const Values a{13.3, 12.9, 13.8, 13.1, 13.5};
  const Values b{34.7, 34.1, 36.2, 34.4, 35.0};
  // Between neighbours of the exact 2.5 % and 97.5 % points: the bootstrap draws 10,000 times.
  const auto ratio = ratio_interval(a, b);
  ASSERT_TRUE(ratio.has_value());
  EXPECT_NEAR(ratio->low, 2.5144927536231885, 0.03);
  EXPECT_NEAR(ratio->high, 2.7218045112781954, 0.03);
  const auto difference = difference_interval(a, b);
  ASSERT_TRUE(difference.has_value());
  EXPECT_NEAR(difference->low, 20.6, 0.31);
  EXPECT_NEAR(difference->high, 22.9, 0.31);
}

TEST(Statistics, IntervalsOfUnequalArms) {
  const Values a{1.0, 1.1, 1.3, 0.9, 1.05, 1.2, 1.15};
  const Values b{2.0, 2.5, 2.2, 2.1, 2.9, 2.3, 2.05, 2.6, 2.4};
  EXPECT_NEAR(ratio_interval(a, b)->low, 1.7826086956521738, 0.03);
  EXPECT_NEAR(ratio_interval(a, b)->high, 2.4761904761904763, 0.05);
}

TEST(Statistics, IntervalsAreTheSameEveryTime) {
  const Values a{13.3, 12.9, 13.8, 13.1, 13.5};
  const Values b{34.7, 34.1, 36.2, 34.4, 35.0};
  EXPECT_EQ(ratio_interval(a, b)->low, ratio_interval(a, b)->low);
  EXPECT_EQ(difference_interval(a, b)->high, difference_interval(a, b)->high);
}

TEST(Statistics, NoIntervalBelowFiveValuesOrForTimesThatAreNotPositive) {
  const Values four{1, 2, 3, 4};
  const Values five{1, 2, 3, 4, 5};
  EXPECT_FALSE(ratio_interval(four, five).has_value());
  EXPECT_FALSE(difference_interval(five, four).has_value());
  EXPECT_FALSE(ratio_interval(Values{0, 1, 2, 3, 4}, five).has_value());
}

TEST(Statistics, OutliersFollowHyperfinesRule) {
  EXPECT_THAT(outliers(Values{10, 10.1, 9.9, 10.05, 30}), ElementsAre(4U));
  EXPECT_TRUE(outliers(Values{10, 10.1, 9.9, 10.05, 10.5}).empty());
  EXPECT_TRUE(outliers(Values{10, 10.1, 30}).empty());        // too few
  EXPECT_TRUE(outliers(Values{10, 10, 10, 10, 30}).empty());  // MAD is 0
}

TEST(Statistics, TrendIsExactForFewValues) {
  const auto rising = trend_over_order(Values{1, 2, 3, 4, 5});
  ASSERT_TRUE(rising.has_value());
  EXPECT_THAT(rising->tau, DoubleNear(1, 1e-12));
  EXPECT_THAT(rising->p, DoubleNear(2.0 / 120, 1e-12));
  EXPECT_NEAR(trend_over_order(Values{1, 3, 2, 4, 5})->p, 0.08333333333333333, 1e-12);
  EXPECT_NEAR(trend_over_order(Values{5, 4, 3, 2, 1, 1})->p, 0.005555555555555556, 1e-12);
  EXPECT_LT(trend_over_order(Values{5, 4, 3, 2, 1, 1})->tau, -0.9);
  EXPECT_NEAR(trend_over_order(Values{2, 2, 3, 1, 2, 5})->p, 0.5666666666666667, 1e-12);
  EXPECT_NEAR(trend_over_order(Values{7, 3, 9, 1, 4, 6, 2})->p, 0.5619047619047619, 1e-12);
}

TEST(Statistics, TrendApproximatesManyValues) {
  Values values;
  for (int i = 0; i < 20; ++i) values.push_back(std::fmod(i * 0.37, 7) + i * 0.1);
  EXPECT_NEAR(trend_over_order(values)->tau, 162.0 / 190, 1e-12);
  EXPECT_NEAR(trend_over_order(values)->p, 1.7554423615660084e-07, 1e-12);
}

TEST(Statistics, NoTrendInTooFewOrEqualValues) {
  EXPECT_FALSE(trend_over_order(Values{1, 2, 3, 4}).has_value());
  EXPECT_FALSE(trend_over_order(Values{2, 2, 2, 2, 2}).has_value());
}

TEST(Statistics, LargeInputsAreAnsweredToo) {
  Values a;
  Values b;
  for (int i = 0; i < 50'000; ++i) {
    a.push_back(1 + std::fmod(i * 0.618, 1));
    b.push_back(2 + std::fmod(i * 0.618, 1));
  }
  EXPECT_LT(*mann_whitney_p(a, b), 1e-9);
  EXPECT_NEAR(ratio_interval(a, b)->low, 2.5 / 1.5, 0.02);
  EXPECT_TRUE(trend_over_order(a).has_value());
}

}  // namespace
}  // namespace coldload::measure
