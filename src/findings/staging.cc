#include "findings/staging.h"

#include <algorithm>
#include <cmath>

#include "records/trial_figures.h"
#include "statistics/statistics.h"

namespace coldload::findings {

namespace {

const Mode* after_copy_of(const Arm& arm) {
  const auto found = std::find_if(arm.other_modes.begin(), arm.other_modes.end(),
                                  [&](const Mode& mode) { return is_after_copy(arm, mode); });
  return found == arm.other_modes.end() || found->values_s.empty() ? nullptr : &*found;
}

}  // namespace

std::optional<std::uint64_t> Staging::break_even_against(double each_s) const {
  if (with(1) <= each_s) return 1;
  if (later_s >= each_s) return std::nullopt;
  const double starts = (copy_s + first_s - later_s) / (each_s - later_s);
  return static_cast<std::uint64_t>(std::ceil(starts - 1e-9));
}

std::optional<Staging> staging_of(const Comparison& comparison, const Arm& staged) {
  if (staged.facts.staged_from.empty() || !staged.cold.load_s) return std::nullopt;
  const auto source =
      std::find_if(comparison.arms.begin(), comparison.arms.end(),
                   [&](const Arm& arm) { return arm.facts.label == staged.facts.staged_from; });
  const Mode* after_copy = after_copy_of(staged);
  if (source == comparison.arms.end() || !source->cold.load_s || after_copy == nullptr) {
    return std::nullopt;
  }
  Staging staging;
  staging.source = &*source;
  staging.staged = &staged;
  staging.copies_s = records::values_of(after_copy->trials, &records::Trial::copy_s);
  if (staging.copies_s.empty()) return std::nullopt;
  staging.copy_s = statistics::median(staging.copies_s);
  staging.first_s = statistics::median(after_copy->values_s);
  staging.first_n = after_copy->values_s.size();
  staging.later_s = staged.cold.load_s->median;
  staging.source_s = source->cold.load_s->median;
  return staging;
}

}  // namespace coldload::findings
