#include "findings/weights.h"

#include <utility>

namespace coldload::findings {

namespace {

// What was read beside a start is in memory whether its server wanted it or not: the path's own
// trials tell what that is.
const Arm& arm_that_tells(const Comparison& comparison, const Arm& arm) {
  for (const Arm& other : comparison.arms) {
    const bool is_path = !other.cold.trials.empty() && other.facts.label == arm.facts.prefetch_of;
    if (is_path) return other;
  }
  return arm;
}

Weights weights_of(const Arm& arm) {
  if (arm.cold.trials.empty()) return {};
  const records::Trial& last = *arm.cold.trials.back();
  return {last.checkpoint_bytes, std::string(last.tensors_hash)};
}

}  // namespace

bool are_different(const Weights& a, const Weights& b) {
  if (!a.tensors_hash.empty() && !b.tensors_hash.empty()) return a.tensors_hash != b.tensors_hash;
  return a.bytes != 0 && b.bytes != 0 && a.bytes != b.bytes;
}

std::optional<DifferentWeights> different_weights(const Comparison& comparison, const Arm& first,
                                                  const Arm& second) {
  DifferentWeights found{&first, &second, weights_of(arm_that_tells(comparison, first)),
                         weights_of(arm_that_tells(comparison, second))};
  return are_different(found.of_first, found.of_second) ? std::optional(std::move(found))
                                                        : std::nullopt;
}

std::vector<DifferentWeights> different_weights(const Comparison& comparison) {
  std::vector<DifferentWeights> found;
  if (comparison.arms.empty()) return found;
  const Arm& first = comparison.arms[comparison.reference];
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_plain() || !arm.is_measured()) continue;
    if (auto different = different_weights(comparison, first, arm))
      found.push_back(std::move(*different));
  }
  return found;
}

}  // namespace coldload::findings
