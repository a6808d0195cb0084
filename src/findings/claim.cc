#include "findings/claim.h"

#include <algorithm>

#include "findings/setting.h"

namespace coldload::findings {

const char* to_string(Claim claim) {
  switch (claim) {
    case Claim::nothing:
      return "nothing";
    case Claim::single_runs:
      return "single_runs";
    case Claim::separated:
      return "separated";
    case Claim::shown:
      return "shown";
    case Claim::not_shown:
      return "not_shown";
    case Claim::mixed:
      return "mixed";
  }
  return "nothing";
}

Claim claim_of(const Comparison& comparison, const Contrast& contrast) {
  if (!contrast.ratio || !contrast.p_value) return Claim::nothing;
  const std::size_t n_a = comparison.arms[contrast.first].cold.load_s->n;
  const std::size_t n_b = comparison.arms[contrast.second].cold.load_s->n;
  if (std::min(n_a, n_b) == 1) return Claim::single_runs;
  if (*contrast.p_value < statistics::k_significance) {
    return contrast.medians_tell() ? Claim::shown : Claim::mixed;
  }
  return contrast.ranges_apart ? Claim::separated : Claim::not_shown;
}

bool are_same_storage(const Comparison& comparison, const Arm& a, const Arm& b) {
  if (a.facts.stand_in || b.facts.stand_in) return false;
  const auto is_of_both = [&](const records::SameStorage& pair) {
    return (pair.first == a.facts.label && pair.second == b.facts.label) ||
           (pair.first == b.facts.label && pair.second == a.facts.label);
  };
  const std::vector<records::SameStorage>& pairs = comparison.facts.same_storage;
  return std::any_of(pairs.begin(), pairs.end(), is_of_both);
}

bool are_same_storage(const Comparison& comparison, const Contrast& contrast) {
  return are_same_storage(comparison, comparison.arms[contrast.first],
                          comparison.arms[contrast.second]);
}

const Contrast* main_contrast(const Comparison& comparison) {
  const Contrast* found = nullptr;
  for (const Contrast& contrast : comparison.contrasts) {
    if (!contrast.ratio || !comparison.arms[contrast.second].is_plain()) continue;
    if (!are_same_storage(comparison, contrast)) return &contrast;
    if (found == nullptr) found = &contrast;
  }
  return found;
}

bool is_about_one_storage(const Comparison& comparison) {
  const Contrast* contrast = main_contrast(comparison);
  return contrast != nullptr && are_same_storage(comparison, *contrast);
}

bool loads_only(const Comparison& comparison) { return is_native(comparison.facts); }

bool all_verified(const Comparison& comparison) {
  return std::all_of(comparison.arms.begin(), comparison.arms.end(),
                     [](const Arm& arm) { return arm.is_verified(); });
}

}  // namespace coldload::findings
