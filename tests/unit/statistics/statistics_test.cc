#include "statistics/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::statistics {
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

TEST(Statistics, RankTestOfLargeSamplesCorrectsForTies) {
  Values a;
  Values b;
  for (int i = 0; i < 40; ++i) a.push_back(i % 4);
  for (int i = 0; i < 35; ++i) b.push_back(i % 4 + i % 2);
  EXPECT_NEAR(*mann_whitney_p(a, b), 0.20634277686251673, 1e-9);
}

TEST(Statistics, IntervalsAreThePairsThatTheRankTestLeaves) {
  const Values a{13.3, 12.9, 13.8, 13.1, 13.5};
  const Values b{34.7, 34.1, 36.2, 34.4, 35.0};
  // The third pair from either end, of 25.
  const auto ratio = ratio_interval(a, b);
  ASSERT_TRUE(ratio.has_value());
  EXPECT_NEAR(ratio->low, 2.5144927536231885, 1e-12);
  EXPECT_NEAR(ratio->high, 2.7218045112781954, 1e-12);
  const auto difference = difference_interval(a, b);
  ASSERT_TRUE(difference.has_value());
  EXPECT_NEAR(difference->low, 20.6, 1e-12);
  EXPECT_NEAR(difference->high, 22.9, 1e-12);
}

TEST(Statistics, IntervalsOfUnequalArms) {
  const Values a{1.0, 1.1, 1.3, 0.9, 1.05, 1.2, 1.15};
  const Values b{2.0, 2.5, 2.2, 2.1, 2.9, 2.3, 2.05, 2.6, 2.4};
  EXPECT_NEAR(ratio_interval(a, b)->low, 1.8333333333333335, 1e-12);
  EXPECT_NEAR(ratio_interval(a, b)->high, 2.4444444444444446, 1e-12);
}

// Draws of our own: those of the standard library differ between libraries.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  // About a lognormal of median 1 and a spread of 20 %.
  double load() {
    double sum = 0;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return std::exp(0.2 * (sum - 6));
  }

 private:
  double uniform() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<double>(state_ >> 11U) * 0x1p-53;
  }
  std::uint64_t state_;
};

Values loads(Draws* draws, std::size_t n, double factor) {
  Values values;
  for (std::size_t i = 0; i < n; ++i) values.push_back(factor * draws->load());
  return values;
}

TEST(Statistics, TheIntervalAndTheTestNeverContradictEachOther) {
  Draws draws(7);
  for (std::size_t i = 0; i < 900; ++i) {
    const double level = std::array{0.05, 0.025, 0.01}[i % 3];
    const Values a = loads(&draws, 5 + i % 20, 1);
    const Values b = loads(&draws, 5 + i % 7, 1.2);
    const Interval interval = *ratio_interval(a, b, level);
    const double middle = median(b) / median(a);
    const bool excludes_1 = interval.low > 1 || interval.high < 1;
    // Only where the medians themselves lie on the other side, it is widened to hold their ratio.
    if (excludes_1) {
      EXPECT_LT(*mann_whitney_p(a, b), level) << i;
    }
    if (*mann_whitney_p(a, b) < level && middle > interval.low && middle < interval.high) {
      EXPECT_TRUE(excludes_1) << i;
    }
  }
}

// Both are approximations there, of which one must not show what the other does not.
TEST(Statistics, TheIntervalAndTheTestAgreeOnManyValuesToo) {
  for (std::size_t n_a = 5; n_a <= 60; n_a += 5) {
    for (std::size_t n_b = 51 - std::min<std::size_t>(n_a, 46); n_b <= 60; n_b += 3) {
      // Without ties: b is a's runs shifted so that ever more of them are the longer ones.
      for (std::size_t shift = 0; shift <= n_a * n_b; shift += 7) {
        Values a;
        Values b;
        for (std::size_t i = 0; i < n_a; ++i) a.push_back(1 + 1e-3 * static_cast<double>(i));
        for (std::size_t i = 0; i < n_b; ++i) {
          b.push_back(1 +
                      1e-3 * (static_cast<double>(i * n_a) + static_cast<double>(shift)) /
                          static_cast<double>(n_b) +
                      1e-7);
        }
        for (const double level : {0.05, 0.025, 0.01}) {
          const Interval interval = *difference_interval(a, b, level);
          const bool excludes_0 = interval.low > 0 || interval.high < 0;
          ASSERT_EQ(*mann_whitney_p(a, b) < level, excludes_0)
              << n_a << ' ' << n_b << ' ' << shift << ' ' << level;
        }
      }
    }
  }
}

TEST(Statistics, FewValuesLieFarApartOnlyWhereChanceHardlyPutsThem) {
  const auto far = [](const Values& a, const Values& b) {
    return lie_far_apart(*summarize(a), *summarize(b));
  };
  EXPECT_TRUE(far({46, 50}, {70, 72, 75}));
  EXPECT_TRUE(far({70, 72, 75}, {46, 50}));
  EXPECT_FALSE(far({56, 59}, {61, 62, 69.5}));
  EXPECT_FALSE(far({1}, {100})) << "one each is chance half of the time";
  EXPECT_TRUE(far({1.29, 1.30, 1.31, 1.33, 2.90}, {0.41})) << "an outlier on the far side";
  EXPECT_FALSE(far({1, 2, 3}, {2, 3, 4}));
  EXPECT_FALSE(far({1, 1, 1}, {1, 1, 1}));
}

TEST(Statistics, TheFewerValuesTheWiderTheGapBetweenThemMustBe) {
  // The first set, that much space, and the second.
  const auto far = [](const Values& a, double gap, Values b) {
    for (double& value : b) value += *std::max_element(a.begin(), a.end()) + gap;
    return lie_far_apart(*summarize(a), *summarize(b));
  };
  // By the wider set's range, ...
  EXPECT_TRUE(far({0, 1}, 20.5, {0}));
  EXPECT_FALSE(far({0, 1}, 19.5, {0}));
  EXPECT_TRUE(far({0, 1}, 3.5, {0, 1}));
  EXPECT_FALSE(far({0, 1}, 2.5, {0, 1}));
  EXPECT_TRUE(far({0, 1, 2}, 4.5, {0, 1}));
  EXPECT_FALSE(far({0, 1, 2}, 3.5, {0, 1}));
  EXPECT_TRUE(far({0, 1, 2}, 2.5, {0, 1, 2}));
  EXPECT_FALSE(far({0, 1, 2}, 1.5, {0, 1, 2}));
  // ... or by the half beside the gap, which is 1 here.
  EXPECT_TRUE(far({0, 9, 10}, 20.5, {0}));
  EXPECT_FALSE(far({0, 9, 10}, 19.5, {0}));
  EXPECT_TRUE(far({0, 9, 10}, 6.5, {0, 2}));
  EXPECT_FALSE(far({0, 9, 10}, 5.5, {0, 2}));
  EXPECT_TRUE(far({0, 9, 10}, 4.5, {0, 1, 2}));
  EXPECT_FALSE(far({0, 9, 10}, 3.5, {0, 1, 2}));
}

TEST(Statistics, ClearlyLargerIsMoreThanApart) {
  EXPECT_FALSE(are_clearly_larger(Values{1.0}, Values{1.4, 1.5, 1.8}));
  EXPECT_TRUE(are_clearly_larger(Values{1.0}, Values{1.6, 1.9, 2.2}));
  EXPECT_FALSE(are_clearly_larger(Values{20}, Values{28, 30, 36}));
  EXPECT_TRUE(are_clearly_larger(Values{20}, Values{32, 38, 44}));
  EXPECT_FALSE(are_clearly_larger(Values{1.0}, Values{1.6})) << "a single run";
  EXPECT_FALSE(are_clearly_larger(Values{1.6, 1.6}, Values{1.0}));
  EXPECT_TRUE(are_clearly_larger(Values{1, 1.1, 1.2, 1.3}, Values{1.31, 1.4, 1.5, 1.6}));
  EXPECT_FALSE(are_clearly_larger(Values{}, Values{1}));
}

TEST(Statistics, TheLargerOneIsThatWhichWinsMorePairs) {
  EXPECT_DOUBLE_EQ(*chance_of_larger(Values{1, 2}, Values{1, 3}), 0.625);
  EXPECT_DOUBLE_EQ(*chance_of_larger(Values{5}, Values{1, 2, 3}), 0);
  EXPECT_FALSE(chance_of_larger(Values{}, Values{1}));
}

// bench/statistics has the large runs of these two.
TEST(Statistics, ATrueRatioLiesInItsIntervalNineteenTimesOfTwenty) {
  Draws draws(1);
  for (const std::size_t n : {5U, 12U, 40U}) {
    int inside = 0;
    for (int i = 0; i < 1000; ++i) {
      const Values a = loads(&draws, n, 1);
      const Values b = loads(&draws, n, 2.5);
      const Interval interval = *ratio_interval(a, b);
      inside += static_cast<int>(interval.low <= 2.5 && 2.5 <= interval.high);
    }
    EXPECT_GE(inside, 930) << n;
    EXPECT_LE(inside, 985) << n;
  }
}

TEST(Statistics, EqualArmsDifferInOneOfTwenty) {
  Draws draws(3);
  for (const std::size_t n : {5U, 12U, 40U}) {
    int different = 0;
    for (int i = 0; i < 1000; ++i) {
      const Values a = loads(&draws, n, 1);
      different += static_cast<int>(*mann_whitney_p(a, loads(&draws, n, 1)) < k_significance);
    }
    EXPECT_GE(different, 20) << n;
    EXPECT_LE(different, 70) << n;
  }
}

TEST(Statistics, RunsToShowIsWhatNoetherSays) {
  // Each of b's is slower than 4 of a's 5: P = 0.8, (1.96 + 0.84)^2 / (3 * 0.09) / 2 = 14.5.
  EXPECT_EQ(*runs_to_show(Values{1, 2, 3, 4, 9}, Values{5, 6, 7, 8, 8.5}), 15U);
  EXPECT_EQ(*runs_to_show(Values{1, 2, 3, 4, 9}, Values{5, 6, 7, 8, 8.5}, 0.05 / 3), 20U);
  EXPECT_EQ(*runs_to_show(Values{1, 2, 3}, Values{4, 5, 6}), 6U);
  EXPECT_FALSE(runs_to_show(Values{1, 2}, Values{1, 2}).has_value());
  EXPECT_FALSE(runs_to_show(Values{}, Values{1}).has_value());
}

TEST(Statistics, TwoClustersAreFoundWhereNothingLiesBetween) {
  EXPECT_EQ(*lower_cluster(Values{10, 14.2, 10.1, 14, 10.2, 10.1}), 4U);
  EXPECT_FALSE(lower_cluster(Values(6, 10)).has_value());
  EXPECT_FALSE(lower_cluster(Values(6, 0)).has_value());
  EXPECT_FALSE(lower_cluster(Values{10, 11, 12, 13, 14, 15}).has_value());
  EXPECT_FALSE(lower_cluster(Values{10, 10.1, 10.2, 10.1, 10, 14}).has_value());  // one outlier
  EXPECT_FALSE(lower_cluster(Values{10, 10, 10, 10.3, 10.3, 10.3}).has_value());  // 3 %
}

TEST(Statistics, NoIntervalBelowFiveValuesOrForTimesThatAreNotPositive) {
  const Values four{1, 2, 3, 4};
  const Values five{1, 2, 3, 4, 5};
  EXPECT_FALSE(ratio_interval(four, five).has_value());
  EXPECT_FALSE(difference_interval(five, four).has_value());
  EXPECT_FALSE(ratio_interval(Values{0, 1, 2, 3, 4}, five).has_value());
}

TEST(Statistics, NoIntervalWhereNoValuesCouldRejectAnything) {
  const Values low{1, 2, 3, 4, 5};
  const Values high{6, 7, 8, 9, 10};
  EXPECT_GT(ratio_interval(low, high, 0.05 / 6)->low, 1);
  EXPECT_FALSE(ratio_interval(low, high, 0.05 / 7).has_value());
  EXPECT_FALSE(difference_interval(low, high, 0.05 / 7).has_value());
}

TEST(Statistics, OutliersFollowHyperfinesRule) {
  EXPECT_THAT(outliers(Values{10, 10.1, 9.9, 10.05, 30}), ElementsAre(4U));
  EXPECT_TRUE(outliers(Values{10, 10.1, 9.9, 10.05, 10.5}).empty());
  EXPECT_TRUE(outliers(Values{-1, -1, 0, 1, 14.826}).empty());
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
  // 14 of 15 pairs fall, and the other is a tie.
  EXPECT_NEAR(trend_over_order(Values{5, 4, 3, 2, 1, 1})->tau, -14 / std::sqrt(15 * 14), 1e-12);
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

// 1 / 2^6 twice is 3 % of all, 1 / 2^5 twice 6 %.
TEST(Statistics, TheMedianOfManyIsBoundedFromSixValuesOn) {
  EXPECT_FALSE(median_interval(Values{}).has_value());
  EXPECT_FALSE(median_interval(Values{5, 1, 4, 2, 3}).has_value());
  const auto of_six = median_interval(Values{6, 5, 1, 4, 2, 3});
  ASSERT_TRUE(of_six.has_value());
  EXPECT_EQ(of_six->low, 1);
  EXPECT_EQ(of_six->high, 6);
}

// Tables of the sign test: of 10 values the 2nd from either end, of 20 the 6th.
TEST(Statistics, TheMedianOfManyIsBoundedByASignTest) {
  Values values;
  for (int i = 1; i <= 20; ++i) values.push_back(i);
  EXPECT_EQ(median_interval(values)->low, 6);
  EXPECT_EQ(median_interval(values)->high, 15);
  values.resize(10);
  EXPECT_EQ(median_interval(values)->low, 2);
  EXPECT_EQ(median_interval(values)->high, 9);
}

TEST(Statistics, TheMedianOfVeryManyIsBounded) {
  Values values;
  for (int i = 1; i <= 10'000; ++i) values.push_back(i);
  EXPECT_NEAR(median_interval(values)->low, 5000 - 98, 2);
  EXPECT_NEAR(median_interval(values)->high, 5000 + 99, 2);
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
}  // namespace coldload::statistics
