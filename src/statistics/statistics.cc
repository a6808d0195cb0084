#include "statistics/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include <boost/math/special_functions/erf.hpp>

namespace coldload::statistics {

namespace {

constexpr std::size_t k_most_exact_ranks = 50;  // C(50, 25) is still exact in a double
constexpr std::size_t k_most_exact_order = 8;   // 8! orders
constexpr double k_outlier_distance = 14.826;

double normal_two_sided(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

std::vector<double> ascending(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Twice the mid-rank of every value, so that ranks are integers also for ties.
std::vector<std::size_t> doubled_ranks(std::span<const double> values) {
  const std::vector<double> sorted = ascending(values);
  std::vector<std::size_t> ranks;
  ranks.reserve(values.size());
  for (const double value : values) {
    const auto [first, end] = std::equal_range(sorted.begin(), sorted.end(), value);
    ranks.push_back(
        static_cast<std::size_t>((first - sorted.begin()) + (end - sorted.begin()) + 1));
  }
  return ranks;
}

// How many values there are of each, where they are equal.
std::vector<double> tie_sizes(std::span<const double> values) {
  const std::vector<double> sorted = ascending(values);
  std::vector<double> sizes;
  for (auto first = sorted.begin(); first != sorted.end();) {
    const auto end = std::upper_bound(first, sorted.end(), *first);
    sizes.push_back(static_cast<double>(end - first));
    first = end;
  }
  return sizes;
}

// How many ways to choose `chosen` of the ranks give each sum, by that sum.
std::vector<double> rank_sum_ways(const std::vector<std::size_t>& ranks, std::size_t chosen) {
  const std::size_t total = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  // ways[k][s]: how many choices of k ranks have sum s.
  std::vector<std::vector<double>> ways(chosen + 1, std::vector<double>(total + 1, 0.0));
  ways[0][0] = 1;
  for (const std::size_t rank : ranks) {
    for (std::size_t count = chosen; count > 0; --count) {
      for (std::size_t sum = total; sum >= rank; --sum) {
        ways[count][sum] += ways[count - 1][sum - rank];
      }
    }
  }
  return ways[chosen];
}

// The share of all ways to choose `chosen` of the ranks whose sum is at least as far from the mean
// as `observed`; everything doubled.
double exact_rank_sum_p(const std::vector<std::size_t>& ranks, std::size_t chosen,
                        std::size_t observed) {
  const std::vector<double> ways = rank_sum_ways(ranks, chosen);
  const std::size_t total = ways.size() - 1;
  // The mean sum is chosen * total / n: compared in integers, times n.
  const auto n = static_cast<std::int64_t>(ranks.size());
  const auto mean_n = static_cast<std::int64_t>(chosen * total);
  const auto distance_n = [&](std::size_t sum) {
    return std::abs(static_cast<std::int64_t>(sum) * n - mean_n);
  };
  double all = 0;
  double as_far = 0;
  for (std::size_t sum = 0; sum <= total; ++sum) {
    all += ways[sum];
    if (distance_n(sum) >= distance_n(observed)) as_far += ways[sum];
  }
  return as_far / all;
}

// How many standard deviations a normal value is within but for `significance`, two-sided.
double normal_quantile(double significance) {
  return std::sqrt(2.0) * boost::math::erfc_inv(significance);
}

// Of the n_a * n_b pairs in order, which one from either end bounds an interval: the first whose
// Mann-Whitney statistic is not in the outer half of `significance`. 1 for the outermost; 0 where
// no pair is that far out.
std::size_t bounding_pair(std::size_t n_a, std::size_t n_b, double significance) {
  const std::size_t n = n_a + n_b;
  if (n > k_most_exact_ranks) {
    const double z = normal_quantile(significance);
    const auto pairs = static_cast<double>(n_a) * static_cast<double>(n_b);
    const double deviation = std::sqrt(pairs * static_cast<double>(n + 1) / 12);
    // With the test's correction for continuity, or the two would contradict each other.
    return static_cast<std::size_t>(std::max(1.0, std::ceil(pairs / 2 - 0.5 - z * deviation)));
  }
  std::vector<std::size_t> ranks(n);
  std::iota(ranks.begin(), ranks.end(), std::size_t{1});
  const std::vector<double> ways = rank_sum_ways(ranks, n_a);
  const double all = std::accumulate(ways.begin(), ways.end(), 0.0);
  const std::size_t least = n_a * (n_a + 1) / 2;
  std::size_t u = 0;
  double below = ways[least];
  while (below <= all * significance / 2) {
    ++u;
    below += ways[least + u];
  }
  return u;
}

// How many pairs have a statistic of at most `limit`. `a` and `b` ascend; the statistic rises with
// b and falls with a.
template <typename Statistic>
std::size_t pairs_up_to(double limit, const std::vector<double>& a, const std::vector<double>& b,
                        Statistic statistic) {
  std::size_t count = 0;
  std::size_t end = 0;  // of the b that still belong to this a
  for (const double value : a) {
    while (end < b.size() && statistic(value, b[end]) <= limit) ++end;
    count += end;
  }
  return count;
}

// The statistic of the pair at place `place` (from 1) in ascending order, without making all pairs.
template <typename Statistic>
double pair_at(std::size_t place, const std::vector<double>& a, const std::vector<double>& b,
               Statistic statistic) {
  double low = statistic(a.back(), b.front());
  double high = statistic(a.front(), b.back());
  if (pairs_up_to(low, a, b, statistic) >= place) return low;
  while (true) {
    const double middle = std::midpoint(low, high);
    if (middle <= low || middle >= high) return high;
    (pairs_up_to(middle, a, b, statistic) >= place ? high : low) = middle;
  }
}

// All values of the statistic that the rank test does not tell from the truth at `significance`
// (Hodges and Lehmann 1963): it excludes "no difference" where the test calls it shown.
template <typename Statistic>
std::optional<Interval> shift_interval(std::span<const double> first,
                                       std::span<const double> second, double significance,
                                       Statistic statistic) {
  const std::vector<double> a = ascending(first);
  const std::vector<double> b = ascending(second);
  const std::size_t place = bounding_pair(a.size(), b.size(), significance);
  if (place == 0) return std::nullopt;
  const Interval interval{pair_at(place, a, b, statistic),
                          pair_at(a.size() * b.size() + 1 - place, a, b, statistic)};
  // The headline is of the medians, whose own figure may lie outside in rare cases.
  const double of_medians = statistic(median(first), median(second));
  return Interval{std::min(interval.low, of_medians), std::max(interval.high, of_medians)};
}

// How likely so many of `n` tosses of a fair coin are heads.
double binomial(std::size_t n, std::size_t heads) {
  const auto log_factorial = [](std::size_t of) {
    return std::lgamma(static_cast<double>(of) + 1);
  };
  return std::exp(log_factorial(n) - log_factorial(heads) - log_factorial(n - heads) -
                  static_cast<double>(n) * std::log(2.0));
}

int sign(double value) { return (value > 0) - (value < 0); }

// Pairs that rise less pairs that fall.
std::int64_t kendall_score(std::span<const double> values) {
  std::int64_t score = 0;
  for (std::size_t early = 0; early < values.size(); ++early) {
    for (std::size_t late = early + 1; late < values.size(); ++late) {
      score += sign(values[late] - values[early]);
    }
  }
  return score;
}

double exact_order_p(std::span<const double> values, std::int64_t observed) {
  std::vector<double> order = ascending(values);
  double all = 0;
  double as_far = 0;
  // Orders that differ only in which of two equal values comes first are met once each: every
  // distinct order stands for equally many.
  do {
    all += 1;
    if (std::abs(kendall_score(order)) >= std::abs(observed)) as_far += 1;
  } while (std::next_permutation(order.begin(), order.end()));
  return as_far / all;
}

}  // namespace

double median(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  const auto middle = copy.begin() + static_cast<std::ptrdiff_t>(copy.size() / 2);
  std::nth_element(copy.begin(), middle, copy.end());
  if (copy.size() % 2 == 1) return *middle;
  return (*std::max_element(copy.begin(), middle) + *middle) / 2;
}

std::optional<double> median_if_any(std::span<const double> values) {
  return values.empty() ? std::nullopt : std::optional(median(values));
}

std::optional<Summary> summarize(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return Summary{values.size(), median(values), *low, *high};
}

std::optional<Interval> median_interval(std::span<const double> values) {
  std::size_t place = 0;  // from either end, counted from 1
  double below = 0;       // the chance that fewer values than that are below the median
  while (2 * place < values.size()) {
    below += binomial(values.size(), place);
    if (below > k_significance / 2) break;
    ++place;
  }
  if (place == 0) return std::nullopt;
  const std::vector<double> sorted = ascending(values);
  return Interval{sorted[place - 1], sorted[sorted.size() - place]};
}

std::optional<double> mann_whitney_p(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  const std::vector<std::size_t> ranks = doubled_ranks(all);
  const std::size_t observed = std::accumulate(
      ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(a.size()), std::size_t{0});
  if (all.size() <= k_most_exact_ranks) return exact_rank_sum_p(ranks, a.size(), observed);

  const auto n_a = static_cast<double>(a.size());
  const auto n_b = static_cast<double>(b.size());
  const double n = n_a + n_b;
  const double u = static_cast<double>(observed) / 2 - n_a * (n_a + 1) / 2;
  double ties = 0;
  for (const double group : tie_sizes(all)) ties += group * group * group - group;
  const double variance = n_a * n_b / 12 * (n + 1 - ties / (n * (n - 1)));
  if (variance <= 0) return 1.0;
  const double distance = std::max(0.0, std::abs(u - n_a * n_b / 2) - 0.5);
  return normal_two_sided(distance / std::sqrt(variance));
}

std::optional<Interval> ratio_interval(std::span<const double> a, std::span<const double> b,
                                       double significance) {
  if (a.size() < k_least_n || b.size() < k_least_n) return std::nullopt;
  if (*std::min_element(a.begin(), a.end()) <= 0) return std::nullopt;
  return shift_interval(a, b, significance,
                        [](double first, double second) { return second / first; });
}

std::optional<Interval> difference_interval(std::span<const double> a, std::span<const double> b,
                                            double significance) {
  if (a.size() < k_least_n || b.size() < k_least_n) return std::nullopt;
  return shift_interval(a, b, significance,
                        [](double first, double second) { return second - first; });
}

std::optional<double> chance_of_larger(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  const std::vector<double> sorted = ascending(a);
  std::ptrdiff_t not_larger = 0;  // pairs: those of equal values once, the others twice
  for (const double value : b) {
    const auto [first, end] = std::equal_range(sorted.begin(), sorted.end(), value);
    not_larger += (sorted.end() - first) + (sorted.end() - end);
  }
  const auto pairs = static_cast<double>(a.size()) * static_cast<double>(b.size());
  return 1 - static_cast<double>(not_larger) / 2 / pairs;
}

bool lie_far_apart(const Summary& a, const Summary& b) {
  struct Needed {
    double ranges;
    double halves;
  };
  constexpr double k_never = std::numeric_limits<double>::infinity();
  constexpr std::array<Needed, 7> k_needed{{{k_never, k_never},
                                            {k_never, k_never},
                                            {k_never, k_never},
                                            {20, k_never},
                                            {3, 20},
                                            {2, 6},
                                            {1, 4}}};
  const Needed needed = k_needed[std::min(a.n + b.n, k_needed.size() - 1)];
  const Summary& small = a.median <= b.median ? a : b;
  const Summary& large = a.median <= b.median ? b : a;
  const double gap = large.min - small.max;
  const double range = std::max(small.max - small.min, large.max - large.min);
  const double half = std::max(large.median - large.min, small.max - small.median);
  return (std::isfinite(needed.ranges) && gap > needed.ranges * range) ||
         (std::isfinite(needed.halves) && gap > needed.halves * half);
}

bool are_clearly_larger(std::span<const double> a, std::span<const double> b) {
  constexpr double k_more_than_scatter = 1.5;
  const auto small = summarize(a);
  const auto large = summarize(b);
  if (!small || !large || small->max >= large->min) return false;
  return (large->n > 1 && large->min >= k_more_than_scatter * small->max) ||
         *mann_whitney_p(a, b) < k_significance || lie_far_apart(*small, *large);
}

std::optional<std::size_t> runs_to_show(std::span<const double> a, std::span<const double> b,
                                        double significance) {
  const auto chance = chance_of_larger(a, b);
  if (!chance || *chance == 0.5) return std::nullopt;
  constexpr double k_z_of_power = 0.8416212335729143;  // 80 %
  const double z = normal_quantile(significance) + k_z_of_power;
  const double both = z * z / (3 * (*chance - 0.5) * (*chance - 0.5));
  return static_cast<std::size_t>(std::ceil(both / 2));
}

std::optional<std::size_t> lower_cluster(std::span<const double> values) {
  constexpr std::size_t k_least = 6;
  constexpr std::size_t k_least_in_one = 2;
  constexpr double k_gap = 3;
  constexpr double k_least_share = 0.05;
  if (values.size() < k_least) return std::nullopt;
  const std::vector<double> sorted = ascending(values);
  const double least_gap = k_least_share * median(values);
  for (std::size_t low = k_least_in_one; low + k_least_in_one <= sorted.size(); ++low) {
    const double gap = sorted[low] - sorted[low - 1];
    const double widest = std::max(sorted[low - 1] - sorted.front(), sorted.back() - sorted[low]);
    if (gap > 0 && gap >= k_gap * widest && gap >= least_gap) return low;
  }
  return std::nullopt;
}

std::vector<std::size_t> outliers(std::span<const double> values) {
  std::vector<std::size_t> found;
  if (values.size() < k_least_n) return found;
  const double middle = median(values);
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::abs(value - middle));
  const double mad = median(distances);
  if (mad <= 0) return found;
  for (std::size_t index = 0; index < values.size(); ++index) {
    if (distances[index] / mad > k_outlier_distance) found.push_back(index);
  }
  return found;
}

std::optional<Trend> trend_over_order(std::span<const double> values) {
  if (values.size() < k_least_n) return std::nullopt;
  // Pairs grow with the square: a longer series is thinned evenly, which a trend survives.
  constexpr std::size_t k_most_values = 2'000;
  std::vector<double> used;
  const std::size_t step = (values.size() + k_most_values - 1) / k_most_values;
  for (std::size_t index = 0; index < values.size(); index += step) used.push_back(values[index]);

  const auto n = static_cast<double>(used.size());
  const std::int64_t score = kendall_score(used);
  const double pairs = n * (n - 1) / 2;
  double tied_pairs = 0;
  double tied_variance = 0;
  for (const double group : tie_sizes(used)) {
    tied_pairs += group * (group - 1) / 2;
    tied_variance += group * (group - 1) * (2 * group + 5);
  }
  if (tied_pairs >= pairs) return std::nullopt;
  Trend trend;
  trend.tau = static_cast<double>(score) / std::sqrt(pairs * (pairs - tied_pairs));
  if (used.size() <= k_most_exact_order) {
    trend.p = exact_order_p(used, score);
  } else {
    const double variance = (n * (n - 1) * (2 * n + 5) - tied_variance) / 18;
    const double distance = std::max(0.0, std::abs(static_cast<double>(score)) - 1);
    trend.p = normal_two_sided(distance / std::sqrt(variance));
  }
  return trend;
}

}  // namespace coldload::statistics
