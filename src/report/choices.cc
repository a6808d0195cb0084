#include "report/choices.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "report/verdict.h"

namespace coldload::report {

namespace {

// A place where models may lie.
bool is_path(const Arm& arm) { return arm.is_measured() && arm.is_verified() && arm.is_plain(); }

std::size_t index_of(const Comparison& comparison, const Arm& arm) {
  return static_cast<std::size_t>(&arm - comparison.arms.data());
}

Contrast contrast_between(const Comparison& comparison, const Arm& a, const Arm& b) {
  return contrast_of(comparison, index_of(comparison, a), index_of(comparison, b));
}

// Whether what lies between their runs is more than either scatters: a few runs that are merely
// apart are so by chance too often to act on.
bool are_far_apart(const measure::Summary& a, const measure::Summary& b) {
  const double gap = std::max(a.min - b.max, b.min - a.max);
  return gap > std::max(a.max - a.min, b.max - b.min);
}

}  // namespace

std::vector<const Arm*> paths_by_time(const Comparison& comparison) {
  std::vector<const Arm*> paths;
  for (const Arm& arm : comparison.arms) {
    if (is_path(arm)) paths.push_back(&arm);
  }
  std::stable_sort(paths.begin(), paths.end(), [](const Arm* a, const Arm* b) {
    return a->cold.load_s->median < b->cold.load_s->median;
  });
  return paths;
}

bool differs(const Comparison& comparison, const Arm& a, const Arm& b) {
  const Claim claim = claim_of(comparison, contrast_between(comparison, a, b));
  return claim == Claim::shown ||
         (claim == Claim::separated && are_far_apart(*a.cold.load_s, *b.cold.load_s));
}

bool are_level(const Comparison& comparison, const Arm& a, const Arm& b) {
  constexpr double k_little = 0.1;
  const Contrast contrast = contrast_between(comparison, a, b);
  if (!contrast.difference_ci || claim_of(comparison, contrast) != Claim::not_shown) return false;
  const double most =
      std::max(std::abs(contrast.difference_ci->low), std::abs(contrast.difference_ci->high));
  return most <= k_little * std::max(a.cold.load_s->median, b.cold.load_s->median);
}

std::optional<Staging> staging_in(const Comparison& comparison) {
  for (const Arm& arm : comparison.arms) {
    if (auto staging = staging_of(comparison, arm)) return staging;
  }
  return std::nullopt;
}

const Arm* prefetched(const Comparison& comparison, const Arm& path) {
  for (const Arm& arm : comparison.arms) {
    if (arm.facts.prefetch_of == path.facts.label && arm.cold.load_s) return &arm;
  }
  return nullptr;
}

bool prefetch_saves(const Comparison& comparison, const Arm& path) {
  const Arm* with = prefetched(comparison, path);
  return with != nullptr && with->cold.load_s->median < path.cold.load_s->median &&
         differs(comparison, path, *with);
}

const Arm& without_copy(const Comparison& comparison, const Staging& staging) {
  return prefetch_saves(comparison, *staging.source) ? *prefetched(comparison, *staging.source)
                                                     : *staging.source;
}

bool staging_pays(const Comparison& comparison, const std::optional<Staging>& staging) {
  if (!staging) return false;
  const Arm& without = without_copy(comparison, *staging);
  const double each_s = without.cold.load_s->median;
  return staging->break_even_against(each_s) && staging->later_s < each_s &&
         differs(comparison, without, *staging->staged);
}

bool copy_may_pay(const Comparison& comparison, const std::optional<Staging>& staging) {
  if (!staging || staging_pays(comparison, staging)) return false;
  const Arm& without = without_copy(comparison, *staging);
  return &without != staging->source && staging->later_s < without.cold.load_s->median &&
         staging->break_even() && differs(comparison, *staging->source, *staging->staged);
}

}  // namespace coldload::report
