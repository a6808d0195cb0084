#include "findings/choices.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "findings/subject.h"
#include "findings/weights.h"

namespace coldload::findings {

namespace {

// A place where models may lie.
bool is_path(const Arm& arm) { return arm.is_measured() && arm.is_verified() && arm.is_plain(); }

std::size_t index_of(const Comparison& comparison, const Arm& arm) {
  return static_cast<std::size_t>(&arm - comparison.arms.data());
}

Contrast contrast_between(const Comparison& comparison, const Arm& a, const Arm& b) {
  return contrast_of(comparison, index_of(comparison, a), index_of(comparison, b));
}

}  // namespace

std::vector<const Arm*> paths_by_time(const Comparison& comparison) {
  std::vector<const Arm*> paths;
  for (const Arm& arm : comparison.arms) {
    const bool is_known = std::any_of(paths.begin(), paths.end(), [&](const Arm* path) {
      return are_same_storage(comparison, *path, arm);
    });
    if (is_path(arm) && !is_known) paths.push_back(&arm);
  }
  std::stable_sort(paths.begin(), paths.end(), [](const Arm* a, const Arm* b) {
    return a->cold.load_s->median < b->cold.load_s->median;
  });
  return paths;
}

std::vector<Budget> uses_of(const Comparison& comparison, const Arm& path, Fit fit) {
  std::vector<Budget> uses;
  for (const Budget& budget : budgets_of(comparison)) {
    const bool is_within = path.cold.load_s->max <= budget.seconds;
    if (is_within == (fit == Fit::within)) uses.push_back(budget);
  }
  return uses;
}

const Arm* chosen_path(const Comparison& comparison) {
  const std::vector<const Arm*> paths = paths_by_time(comparison);
  if (paths.empty() || !different_weights(comparison).empty()) return nullptr;
  const std::size_t fitting = uses_of(comparison, *paths.back(), Fit::within).size();
  for (const Arm* path : paths) {
    if (uses_of(comparison, *path, Fit::within).size() > fitting) return path;
  }
  return paths.front();
}

bool differs(const Comparison& comparison, const Arm& a, const Arm& b) {
  const Claim claim = contrast_between(comparison, a, b).claim;
  return claim == Claim::shown ||
         (claim == Claim::separated && statistics::lie_far_apart(*a.cold.load_s, *b.cold.load_s));
}

bool are_mixed(const Comparison& comparison, const Arm& a, const Arm& b) {
  return contrast_between(comparison, a, b).claim == Claim::mixed;
}

bool are_level(const Comparison& comparison, const Arm& a, const Arm& b) {
  constexpr double k_little = 0.1;
  const Contrast contrast = contrast_between(comparison, a, b);
  if (!contrast.difference_ci || contrast.claim != Claim::not_shown) return false;
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

Gain gain_of_copy(const Comparison& comparison, const Staging& staging, const Arm& without) {
  if (!differs(comparison, without, *staging.staged)) return Gain::not_shown;
  return staging.later_s < without.cold.load_s->median ? Gain::shown : Gain::loss_shown;
}

const Arm* prefetched(const Comparison& comparison, const Arm& path) {
  for (const Arm& arm : comparison.arms) {
    if (arm.facts.prefetch_of == path.facts.label && arm.cold.load_s) return &arm;
  }
  return nullptr;
}

std::vector<const records::Trial*> not_read_ahead(const Arm& arm) {
  std::vector<const records::Trial*> trials;
  for (const records::Trial* trial : arm.cold.trials) {
    if (trial->reported.not_read_ahead) trials.push_back(trial);
  }
  return trials;
}

bool prefetch_saves(const Comparison& comparison, const Arm& path) {
  const Arm* with = prefetched(comparison, path);
  return with != nullptr && not_read_ahead(*with).empty() &&
         with->cold.load_s->median < path.cold.load_s->median && differs(comparison, path, *with);
}

const Arm& without_copy(const Comparison& comparison, const Staging& staging) {
  return prefetch_saves(comparison, *staging.source) ? *prefetched(comparison, *staging.source)
                                                     : *staging.source;
}

bool staging_pays(const Comparison& comparison, const std::optional<Staging>& staging) {
  if (!staging) return false;
  // Each start then saves something, so it pays some day.
  return gain_of_copy(comparison, *staging, without_copy(comparison, *staging)) == Gain::shown;
}

bool copy_may_pay(const Comparison& comparison, const std::optional<Staging>& staging) {
  if (!staging || staging_pays(comparison, staging)) return false;
  const Arm& without = without_copy(comparison, *staging);
  return &without != staging->source && staging->later_s < without.cold.load_s->median &&
         gain_of_copy(comparison, *staging, *staging->source) == Gain::shown;
}

}  // namespace coldload::findings
