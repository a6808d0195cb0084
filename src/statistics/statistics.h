// What a handful of load times can and cannot say.
//
// Every function gives the same answer for the same numbers on any machine: no random draws. Why
// these intervals and not a bootstrap: docs/decisions/intervals.md.
//
// Layer: statistics. Knows nothing of records.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace coldload::statistics {

// Fewer values than this in an arm: no interval, no outliers, no trend.
inline constexpr std::size_t k_least_n = 5;

// What a test calls shown: p below this.
inline constexpr double k_significance = 0.05;

struct Summary {
  std::size_t n = 0;
  double median = 0;
  double min = 0;
  double max = 0;
};

struct Interval {
  double low = 0;
  double high = 0;
};

// Which way values go over the run order.
struct Trend {
  double tau = 0;  // Kendall's, -1 (falling) to 1 (rising)
  double p = 1;    // two-sided
};

// The middle value, or the mean of the two middle ones. `values` must not be empty.
[[nodiscard]] double median(std::span<const double> values);
// The same; nothing for no values.
[[nodiscard]] std::optional<double> median_if_any(std::span<const double> values);

// Nothing for no values.
[[nodiscard]] std::optional<Summary> summarize(std::span<const double> values);

// 95 % interval of what the median of many such values is: all that a sign test would not reject at
// 5 %, exactly, whatever their distribution. From one value to another. Nothing for n < 6, which
// reject nothing at that level.
[[nodiscard]] std::optional<Interval> median_interval(std::span<const double> values);

// Mann-Whitney's rank-sum test, two-sided: how often a random relabelling of all values puts the
// rank sum at least as far from its mean as it is. Ties share their mean rank. Exact for up to 50
// values in all; beyond, the normal approximation with corrections for ties and continuity.
// Nothing where an arm is empty.
[[nodiscard]] std::optional<double> mann_whitney_p(std::span<const double> a,
                                                   std::span<const double> b);

// 95 % interval of how many times as long `b` takes as `a`: all ratios that mann_whitney_p() would
// not reject at 5 %, `significance`, and the ratio of the medians. Exact for up to 50 values in all
// where the arms differ by a factor; beyond, by the normal approximation. Nothing for n < 5 in an
// arm, for fewer than can reject anything at that level, or where a value of `a` is not positive.
[[nodiscard]] std::optional<Interval> ratio_interval(std::span<const double> a,
                                                     std::span<const double> b,
                                                     double significance = k_significance);

// The same of b - a; exact where the arms differ by a shift.
[[nodiscard]] std::optional<Interval> difference_interval(std::span<const double> a,
                                                          std::span<const double> b,
                                                          double significance = k_significance);

// How often a random value of `b` is larger than one of `a`, ties counting half. Nothing where one
// is empty.
[[nodiscard]] std::optional<double> chance_of_larger(std::span<const double> a,
                                                     std::span<const double> b);

// Whether the gap between values too few for mann_whitney_p() is one that chance hardly makes
// (bench/statistics: in 6 % at most where both sets have two values or more): as wide as the wider
// set's range, or four times as wide as the halves beside it, from a set's median to its value next
// to the gap; more for fewer than 6 values in all, and never for 2.
[[nodiscard]] bool lie_far_apart(const Summary& a, const Summary& b);

// Whether every value of `b` is larger than every one of `a`, and chance is no likely reason: p is
// below k_significance, they lie far apart, or `b` has two values or more and the smallest is half
// as large again as the largest of `a`. (Starts of one server were seen to scatter by 1.32 times.)
[[nodiscard]] bool are_clearly_larger(std::span<const double> a, std::span<const double> b);

// How many values each arm needs, so that mann_whitney_p() shows a difference as large as this one
// looks in four of five experiments (Noether 1987). Nothing where an arm is empty, or where neither
// arm tends to be slower.
[[nodiscard]] std::optional<std::size_t> runs_to_show(std::span<const double> a,
                                                      std::span<const double> b,
                                                      double significance = k_significance);

// Where values fall into two groups with nothing between them: how many are in the lower one. Both
// have two values or more, and the gap is three times as wide as the wider group and 5 % of the
// median at least. Nothing for n < 6.
[[nodiscard]] std::optional<std::size_t> lower_cluster(std::span<const double> values);

// Indices of values with |x - median| / MAD > 14.826 (hyperfine's rule: ten standard deviations
// of a normal distribution). Empty for n < 5 or MAD = 0: the rule flags clean small samples.
[[nodiscard]] std::vector<std::size_t> outliers(std::span<const double> values);

// Kendall's tau of the values against their order, exact for n <= 8, else the normal approximation
// with a correction for ties. Nothing for n < 5 or where all values are equal.
[[nodiscard]] std::optional<Trend> trend_over_order(std::span<const double> values);

}  // namespace coldload::statistics
