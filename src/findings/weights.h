// Whether two arms loaded the same weights, as far as the records tell: else their times differ by
// more than storage.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "findings/comparison.h"

namespace coldload::findings {

// What is known of weights without a look at them.
struct Weights {
  std::uint64_t bytes = 0;   // 0: not known
  std::string tensors_hash;  // as in a record; empty: not known
};

// By their tensors; by their sizes where those of one are not known. The same tensors in other
// shards are not different, though other headers make another size.
[[nodiscard]] bool are_different(const Weights& a, const Weights& b);

struct DifferentWeights {
  const Arm* first = nullptr;
  const Arm* second = nullptr;
  Weights of_first;
  Weights of_second;
};

// By the last of their cold trials, which knows best what is read. Nothing where they loaded the
// same, or it is not on record.
[[nodiscard]] std::optional<DifferentWeights> different_weights(const Comparison& comparison,
                                                                const Arm& first,
                                                                const Arm& second);

// Of the paths as they are, those with other weights than the first that was measured.
[[nodiscard]] std::vector<DifferentWeights> different_weights(const Comparison& comparison);

}  // namespace coldload::findings
