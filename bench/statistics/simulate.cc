// How often the statistics of the report are right: experiments with a known truth, simulated.
//
//   simulate EXPERIMENTS   one JSON line per distribution and number of runs, on stdout
//
// A/A: both arms the same; counts how often a difference is called shown, and with runs too few for
// that, how often they are said to lie far apart. A/B: the second arm takes 2.6 times as long;
// counts how often the interval of the ratio holds 2.6.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "load_times.h"
#include "measure/run_count.h"
#include "statistics/statistics.h"

namespace {

using coldload::bench::Distribution;
using coldload::bench::distributions;
using coldload::bench::draw;
using coldload::bench::Random;
using coldload::bench::Values;
using coldload::statistics::mann_whitney_p;
using coldload::statistics::ratio_interval;

// A/B with the number of runs chosen on the way, as `--runs auto --precision P` chooses it.
void stop_at_precision(const Distribution& from, double precision, double factor, int experiments,
                       Random& random) {
  constexpr std::uint64_t k_most = 40;
  int inside = 0;
  int different = 0;
  std::uint64_t runs = 0;
  for (int i = 0; i < experiments; ++i) {
    std::vector<Values> arms(2);
    std::vector<Values> same(2);
    for (const double arms_factor : {factor, 1.0}) {
      std::vector<Values>& seconds = arms_factor == factor ? arms : same;
      while (seconds[0].size() < k_most) {
        seconds[0].push_back(from.load_s(random));
        seconds[1].push_back(arms_factor * from.load_s(random));
        if (coldload::measure::is_look(seconds[0].size()) &&
            coldload::measure::widest_interval(seconds).value_or(1) <= precision) {
          break;
        }
      }
    }
    runs += arms[0].size();
    const auto interval = *ratio_interval(arms[0], arms[1]);
    inside += static_cast<int>(interval.low <= factor && factor <= interval.high);
    different += static_cast<int>(*mann_whitney_p(same[0], same[1]) < 0.05);
  }
  std::printf(
      "{\"distribution\":\"%s\",\"precision\":%g,\"experiments\":%d,\"mean_runs_per_arm\":%.1f,"
      "\"aa_called_different\":%d,\"ab_ratio\":%g,\"ab_in_interval\":%d}\n",
      from.name, precision, experiments, static_cast<double>(runs) / experiments, different, factor,
      inside);
}

// A/A with so few runs that no test shows anything: how often one arm is said to be clearly larger,
// as cold starts are held against warm ones, and the two to lie far apart.
void few_runs(const Distribution& from, std::size_t n_a, std::size_t n_b, int experiments,
              Random& random) {
  using coldload::statistics::summarize;
  int far = 0;
  int larger = 0;
  for (int i = 0; i < experiments; ++i) {
    const Values a = draw(from, n_a, 1, random);
    const Values b = draw(from, n_b, 1, random);
    far += static_cast<int>(coldload::statistics::lie_far_apart(*summarize(a), *summarize(b)));
    larger += static_cast<int>(coldload::statistics::are_clearly_larger(a, b));
  }
  std::printf(
      "{\"distribution\":\"%s\",\"runs\":[%zu,%zu],\"experiments\":%d,\"aa_called_far_apart\":%d,"
      "\"aa_called_clearly_larger\":%d}\n",
      from.name, n_a, n_b, experiments, far, larger);
}

}  // namespace

int main(int argc, char** argv) {
  const int experiments = argc > 1 ? std::atoi(argv[1]) : 200;
  constexpr double k_factor = 2.6;
  Random random(20261123);
  for (const Distribution& from : distributions()) {
    for (const std::size_t n : {5U, 10U, 20U, 40U}) {
      int different = 0;
      int excluded = 0;
      int inside = 0;
      double width = 0;
      for (int i = 0; i < experiments; ++i) {
        const Values first = draw(from, n, 1, random);
        const Values same = draw(from, n, 1, random);
        const Values slower = draw(from, n, k_factor, random);
        different += static_cast<int>(*mann_whitney_p(first, same) < 0.05);
        const auto of_same = *ratio_interval(first, same);
        excluded += static_cast<int>(of_same.low > 1 || of_same.high < 1);
        const auto of_slower = *ratio_interval(first, slower);
        inside += static_cast<int>(of_slower.low <= k_factor && k_factor <= of_slower.high);
        width += of_slower.high / of_slower.low - 1;
      }
      std::printf(
          "{\"distribution\":\"%s\",\"runs_per_arm\":%zu,\"experiments\":%d,"
          "\"aa_called_different\":%d,\"aa_interval_excludes_1\":%d,\"ab_ratio\":%g,"
          "\"ab_in_interval\":%d,\"mean_relative_width\":%.4f}\n",
          from.name, n, experiments, different, excluded, k_factor, inside, width / experiments);
    }
  }
  for (const Distribution& from : distributions()) {
    for (const double precision : {0.02, 0.05, 0.2}) {
      stop_at_precision(from, precision, k_factor, experiments, random);
    }
  }
  const std::vector<std::pair<std::size_t, std::size_t>> few{
      {1, 2}, {1, 3}, {2, 2}, {1, 4}, {2, 3}, {1, 5}, {2, 4}, {3, 3}, {2, 5}, {2, 6}};
  for (const Distribution& from : distributions()) {
    for (const auto& [n_a, n_b] : few) few_runs(from, n_a, n_b, experiments, random);
  }
  return 0;
}
