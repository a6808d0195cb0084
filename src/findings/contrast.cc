#include "findings/contrast.h"

#include <algorithm>

#include <boost/describe/enum_to_string.hpp>

namespace coldload::findings {

namespace {

Claim claim_of(const Contrast& contrast, std::size_t least_n) {
  if (!contrast.ratio || !contrast.p_value) return Claim::nothing;
  if (least_n == 1) return Claim::single_runs;
  if (*contrast.p_value < statistics::k_significance) {
    const bool medians_tell = *contrast.difference_s * contrast.longer > 0;
    return medians_tell ? Claim::shown : Claim::mixed;
  }
  return contrast.ranges_apart ? Claim::separated : Claim::not_shown;
}

}  // namespace

const char* to_string(Claim claim) { return boost::describe::enum_to_string(claim, "nothing"); }

Contrast contrast_of(std::span<const double> first, std::span<const double> second,
                     std::size_t looks) {
  Contrast contrast;
  contrast.looks = looks;
  const auto a = statistics::summarize(first);
  const auto b = statistics::summarize(second);
  if (!a || !b) return contrast;
  if (a->median > 0) contrast.ratio = b->median / a->median;
  contrast.difference_s = b->median - a->median;
  const auto all = static_cast<double>(looks);
  const double significance = statistics::k_significance / all;
  contrast.ratio_ci = statistics::ratio_interval(first, second, significance);
  contrast.difference_ci = statistics::difference_interval(first, second, significance);
  contrast.p_value = std::min(1.0, all * *statistics::mann_whitney_p(first, second));
  contrast.runs_to_show = statistics::runs_to_show(first, second, significance);
  const double chance = *statistics::chance_of_larger(first, second);
  contrast.longer = (chance > 0.5) - (chance < 0.5);
  contrast.ranges_apart = a->max < b->min || b->max < a->min;
  contrast.claim = claim_of(contrast, std::min(a->n, b->n));
  return contrast;
}

std::size_t fewest_to_show(std::size_t looks) {
  // Of the C(2n, n) ways to rank the runs, the two that keep the arms apart.
  std::size_t n = 1;
  double ways = 2;
  while (2.0 * static_cast<double>(looks) / ways >= statistics::k_significance) {
    const auto next = static_cast<double>(n + 1);
    ways *= (2 * next - 1) * 2 / next;
    ++n;
  }
  return std::max(n, statistics::k_least_n);
}

}  // namespace coldload::findings
