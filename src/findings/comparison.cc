#include "findings/comparison.h"

#include <algorithm>

#include "records/trial_figures.h"

namespace coldload::findings {

namespace {

// Whether two arms are ways to start from one path.
bool are_ways_of_one_path(const Arm& a, const Arm& b) {
  return a.facts.start && b.facts.start && a.facts.start->path_label == b.facts.start->path_label;
}

// In how many contrasts one of several ways is held against the others; 1 elsewhere.
std::size_t looks_of(const Comparison& comparison, const Arm& first, const Arm& second) {
  if (!are_ways_of_one_path(first, second)) return 1;
  const auto ways = std::count_if(
      comparison.arms.begin(), comparison.arms.end(),
      [&first](const Arm& arm) { return arm.is_measured() && are_ways_of_one_path(first, arm); });
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(ways - 1, 1));
}

}  // namespace

Contrast contrast_of(const Comparison& comparison, std::size_t first, std::size_t second) {
  const Arm& a = comparison.arms[first];
  const Arm& b = comparison.arms[second];
  Contrast contrast = contrast_of(a.cold.values_s, b.cold.values_s, looks_of(comparison, a, b));
  contrast.first = first;
  contrast.second = second;
  return contrast;
}

std::size_t Comparison::first_there() const {
  const auto there =
      std::find_if(arms.begin(), arms.end(), [](const Arm& arm) { return !arm.is_open(); });
  return there == arms.end() ? 0 : static_cast<std::size_t>(there - arms.begin());
}

std::optional<std::size_t> Comparison::second_there() const {
  const std::size_t first = first_there();
  for (std::size_t arm = first + 1; arm < arms.size(); ++arm) {
    if (arms[arm].is_plain()) return arm;
  }
  return first + 1 < arms.size() ? std::optional(first + 1) : std::nullopt;
}

const Contrast* Comparison::contrast_of_arm(std::size_t arm) const {
  const auto found =
      std::find_if(contrasts.begin(), contrasts.end(),
                   [arm](const Contrast& contrast) { return contrast.second == arm; });
  return found == contrasts.end() ? nullptr : &*found;
}

std::optional<double> Arm::cold_less_warm_s() const {
  if (!cold.load_s || !warm.load_s) return std::nullopt;
  return cold.load_s->median - warm.load_s->median;
}

std::vector<const Mode*> Arm::modes() const {
  std::vector<const Mode*> all{&cold, &warm};
  for (const Mode& mode : other_modes) all.push_back(&mode);
  return all;
}

std::vector<const Mode*> Arm::instead_of_cold() const {
  std::vector<const Mode*> measured;
  if (!cold_verdicts.empty()) return measured;
  for (const Mode* mode : modes()) {
    if (mode->load_s) measured.push_back(mode);
  }
  return measured;
}

bool Arm::is_verified() const {
  return std::all_of(cold.trials.begin(), cold.trials.end(), [](const records::Trial* trial) {
    return trial->cold == records::Cold::verified;
  });
}

std::optional<records::Layer> layer_of(const Mode& mode) {
  return mode.trials.empty() ? std::nullopt : mode.trials.front()->layer;
}

bool reads_past_memory(const Mode& warm) {
  std::vector<double> shares;
  for (const records::Trial* trial : warm.trials) {
    if (!trial->storage_bytes_read || trial->checkpoint_bytes == 0) continue;
    // What a disk delivered may be the server's own code, unless that was in memory, too.
    if (trial->storage_bytes_source != "stand_in" && trial->start_set.empty()) continue;
    shares.push_back(static_cast<double>(*trial->storage_bytes_read) /
                     static_cast<double>(trial->checkpoint_bytes));
  }
  constexpr double k_most = 0.5;
  return statistics::median_if_any(shares).value_or(0) > k_most;
}

const records::Trial* median_trial(const Mode& mode) {
  if (mode.trials.empty()) return nullptr;
  Trials sorted = mode.trials;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return *a->load_s < *b->load_s; });
  return sorted[(sorted.size() - 1) / 2];
}

bool is_after_copy(const Arm& arm, const Mode& mode) {
  // Until schema 2 such a trial was called warm, though only a hot one is resident before launch.
  return !arm.facts.staged_from.empty() &&
         (mode.label == arm.facts.label + "_after_copy" || mode.label == arm.facts.label + "_warm");
}

bool is_one_of_several(const records::Trial& trial) {
  return trial.herd != nullptr && trial.herd->per_node > 1;
}

std::optional<double> reading_rate_of(const Comparison& comparison, const Arm& arm,
                                      const Mode& mode) {
  if (&mode == &arm.warm || !arm.facts.prefetch_of.empty()) return std::nullopt;
  std::vector<double> rates;
  for (const records::Trial* trial : mode.trials) {
    if (is_one_of_several(*trial)) return std::nullopt;
    const auto seconds = records::weights_seconds(*trial, comparison.facts.target);
    if (!seconds || *seconds <= 0 || !trial->storage_bytes_read) return std::nullopt;
    if (trial->checkpoint_bytes == 0) return std::nullopt;
    // What it read of its own code before, and twice, is not the weights.
    const std::uint64_t bytes = std::min(*trial->storage_bytes_read, trial->checkpoint_bytes);
    rates.push_back(static_cast<double>(bytes) / *seconds);
  }
  return statistics::median_if_any(rates);
}

}  // namespace coldload::findings
