#include "findings/ways_to_start.h"

#include <algorithm>

namespace coldload::findings {

namespace {

double median_s(const Comparison& comparison, std::size_t arm) {
  return comparison.arms[arm].cold.load_s->median;
}

void add_arm(const Comparison& comparison, std::size_t index, std::vector<WaysOfPath>* ways) {
  const Arm& arm = comparison.arms[index];
  if (!arm.facts.start || !arm.is_measured()) return;
  const std::string& path = arm.facts.start->path_label;
  const auto known = std::find_if(ways->begin(), ways->end(),
                                  [&path](const WaysOfPath& one) { return one.path == path; });
  if (known == ways->end()) {
    ways->push_back({path, index, {index}, {}});
  } else {
    known->arms.push_back(index);
  }
}

// The arm of that path with the command of `like`; nothing where it was not measured.
std::optional<std::size_t> with_command(const Comparison& comparison, const WaysOfPath& ways,
                                        const Arm& like) {
  for (const std::size_t arm : ways.arms) {
    if (command_of(comparison.arms[arm]) == command_of(like)) return arm;
  }
  return std::nullopt;
}

// Whether no way from that path is shown to be faster than the command of `like`, by a twentieth
// or more: identical starts differ by that from one try to the next.
bool may_be_best(const Comparison& comparison, const WaysOfPath& ways, const Arm& like) {
  constexpr double k_least_ratio = 1.05;
  const auto twin = with_command(comparison, ways, like);
  if (!twin) return false;
  const bool is_close =
      median_s(comparison, *twin) < k_least_ratio * median_s(comparison, ways.fastest());
  return is_close || !is_told_apart(contrast_of(comparison, *twin, ways.fastest()));
}

// The same with that layer's trials in the place of the cold ones.
Comparison in_layer(const Comparison& comparison, records::Layer layer) {
  Comparison other = comparison;
  for (Arm& arm : other.arms) {
    Mode of_layer;
    for (const Mode* mode : arm.modes()) {
      if (layer_of(*mode) == layer) of_layer = *mode;
    }
    arm.cold = std::move(of_layer);
  }
  return other;
}

}  // namespace

std::string command_of(const Arm& arm) { return arm.facts.start ? arm.facts.start->name : ""; }

std::vector<WaysOfPath> ways_to_start(const Comparison& comparison) {
  std::vector<WaysOfPath> ways;
  for (std::size_t i = 0; i < comparison.arms.size(); ++i) add_arm(comparison, i, &ways);
  std::erase_if(ways, [](const WaysOfPath& one) { return one.arms.size() < 2; });
  for (WaysOfPath& one : ways) {
    std::stable_sort(one.arms.begin(), one.arms.end(), [&](std::size_t a, std::size_t b) {
      return median_s(comparison, a) < median_s(comparison, b);
    });
    for (const std::size_t arm : one.arms) {
      if (arm != one.simplest) one.contrasts.push_back(contrast_of(comparison, one.simplest, arm));
    }
  }
  return ways;
}

WaysBasis basis_of_ways(const Comparison& comparison) {
  using records::Layer;
  const auto was_cold = [](const Arm& arm) { return !arm.cold_verdicts.empty(); };
  if (std::any_of(comparison.arms.begin(), comparison.arms.end(), was_cold)) {
    return {Layer::weights, comparison};
  }
  for (const Layer layer : {Layer::node, Layer::first, Layer::warm}) {
    WaysBasis basis{layer, in_layer(comparison, layer)};
    if (!ways_to_start(basis.comparison).empty()) return basis;
  }
  return {Layer::weights, comparison};
}

const Contrast& main_contrast(const WaysOfPath& ways) { return ways.contrasts.front(); }

bool is_told_apart(const Contrast& contrast) {
  return contrast.claim == Claim::shown || contrast.claim == Claim::separated;
}

bool best_differs(const Comparison& comparison, const std::vector<WaysOfPath>& ways) {
  if (ways.size() < 2) return false;
  const std::vector<std::size_t>& candidates = ways.front().arms;
  return std::none_of(candidates.begin(), candidates.end(), [&](std::size_t candidate) {
    return std::all_of(ways.begin(), ways.end(), [&](const WaysOfPath& one) {
      return may_be_best(comparison, one, comparison.arms[candidate]);
    });
  });
}

}  // namespace coldload::findings
