#include "measure/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace coldload::measure {

namespace {

constexpr std::size_t k_most_exact_ranks = 50;  // C(50, 25) is still exact in a double
constexpr std::size_t k_most_exact_order = 8;   // 8! orders
constexpr std::size_t k_resamples = 10'000;
constexpr std::size_t k_most_draws = 40'000'000;  // bounds the time that large inputs take
constexpr double k_outlier_distance = 14.826;

double normal_two_sided(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

// Twice the mid-rank of every value, so that ranks are integers also for ties.
std::vector<std::size_t> doubled_ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&values](std::size_t left, std::size_t right) {
    return values[left] < values[right];
  });
  std::vector<std::size_t> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t index = first; index < end; ++index) ranks[order[index]] = first + end + 1;
    first = end;
  }
  return ranks;
}

// Sum of t^3 - t over the groups of equal values.
double tie_term(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (std::size_t first = 0; first < values.size();) {
    std::size_t end = first;
    while (end < values.size() && values[end] == values[first]) ++end;
    const auto group = static_cast<double>(end - first);
    sum += group * group * group - group;
    first = end;
  }
  return sum;
}

// The share of all ways to choose `chosen` of the ranks whose sum is at least as far from the mean
// as `observed`; everything doubled.
double exact_rank_sum_p(const std::vector<std::size_t>& ranks, std::size_t chosen,
                        std::size_t observed) {
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
  // The mean sum is chosen * total / n: compared in integers, times n.
  const auto n = static_cast<std::int64_t>(ranks.size());
  const auto mean_n = static_cast<std::int64_t>(chosen * total);
  const auto distance_n = [&](std::size_t sum) {
    return std::abs(static_cast<std::int64_t>(sum) * n - mean_n);
  };
  double all = 0;
  double as_far = 0;
  for (std::size_t sum = 0; sum <= total; ++sum) {
    all += ways[chosen][sum];
    if (distance_n(sum) >= distance_n(observed)) as_far += ways[chosen][sum];
  }
  return as_far / all;
}

// xoshiro256**, seeded through splitmix64 (Blackman and Vigna, public domain): the distributions
// of the standard library differ between libraries.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) {
    for (std::uint64_t& word : state_) word = split_mix(&seed);
  }

  // A uniform index below `bound`, by multiplication: the bias is below 2^-32 for our bounds.
  std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(((next() >> 32) * bound) >> 32);
  }

  static std::uint64_t split_mix(std::uint64_t* state) {
    std::uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  std::uint64_t state_[4] = {};
};

// Of the values to the nanosecond, in their order.
std::uint64_t seed_of(std::span<const double> a, std::span<const double> b) {
  std::uint64_t seed = a.size();
  for (const auto values : {a, b}) {
    for (const double value : values) {
      seed ^= static_cast<std::uint64_t>(std::llround(value * 1e9));
      seed = Generator::split_mix(&seed);
    }
  }
  return seed;
}

double median_in_place(std::vector<double>* values) {
  const std::size_t middle = values->size() / 2;
  const auto at = values->begin() + static_cast<std::ptrdiff_t>(middle);
  std::nth_element(values->begin(), at, values->end());
  if (values->size() % 2 == 1) return *at;
  return (*std::max_element(values->begin(), at) + *at) / 2;
}

double resampled_median(std::span<const double> values, Generator* generator,
                        std::vector<double>* scratch) {
  scratch->resize(values.size());
  for (double& value : *scratch) value = values[generator->below(values.size())];
  return median_in_place(scratch);
}

// The 2.5 % and 97.5 % points of `statistic` over resampled medians.
template <typename Statistic>
Interval bootstrap(std::span<const double> a, std::span<const double> b, Statistic statistic) {
  Generator generator(seed_of(a, b));
  const std::size_t resamples =
      std::clamp<std::size_t>(k_most_draws / (a.size() + b.size()), 200, k_resamples);
  std::vector<double> results(resamples);
  std::vector<double> scratch;
  for (double& result : results) {
    const double median_a = resampled_median(a, &generator, &scratch);
    const double median_b = resampled_median(b, &generator, &scratch);
    result = statistic(median_a, median_b);
  }
  std::sort(results.begin(), results.end());
  const std::size_t tail = resamples / 40;
  return {results[tail], results[resamples - 1 - tail]};
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

double exact_order_p(std::vector<double> values, std::int64_t observed) {
  std::sort(values.begin(), values.end());
  double all = 0;
  double as_far = 0;
  // Orders that differ only in which of two equal values comes first are met once each: every
  // distinct order stands for equally many.
  do {
    all += 1;
    if (std::abs(kendall_score(values)) >= std::abs(observed)) as_far += 1;
  } while (std::next_permutation(values.begin(), values.end()));
  return as_far / all;
}

}  // namespace

double median(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  return median_in_place(&copy);
}

std::optional<Summary> summarize(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return Summary{values.size(), median(values), *low, *high};
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
  const double variance = n_a * n_b / 12 * (n + 1 - tie_term(all) / (n * (n - 1)));
  if (variance <= 0) return 1.0;
  const double distance = std::max(0.0, std::abs(u - n_a * n_b / 2) - 0.5);
  return normal_two_sided(distance / std::sqrt(variance));
}

std::optional<Interval> ratio_interval(std::span<const double> a, std::span<const double> b) {
  if (a.size() < k_least_n || b.size() < k_least_n) return std::nullopt;
  if (*std::min_element(a.begin(), a.end()) <= 0) return std::nullopt;
  return bootstrap(a, b, [](double first, double second) { return second / first; });
}

std::optional<Interval> difference_interval(std::span<const double> a, std::span<const double> b) {
  if (a.size() < k_least_n || b.size() < k_least_n) return std::nullopt;
  return bootstrap(a, b, [](double first, double second) { return second - first; });
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
  std::vector<double> sorted = used;
  std::sort(sorted.begin(), sorted.end());
  double tied_pairs = 0;
  double tied_variance = 0;
  for (std::size_t first = 0; first < sorted.size();) {
    std::size_t end = first;
    while (end < sorted.size() && sorted[end] == sorted[first]) ++end;
    const auto group = static_cast<double>(end - first);
    tied_pairs += group * (group - 1) / 2;
    tied_variance += group * (group - 1) * (2 * group + 5);
    first = end;
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

}  // namespace coldload::measure
