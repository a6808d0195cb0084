// From records to what they show: once per run, for every form.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "findings/comparison.h"
#include "records/dataset.h"

namespace coldload::findings {

// Of more nobody reads.
inline constexpr std::size_t k_most_comparisons = 1000;

// Experiments are pooled where model, target and its command, cold policy, machine, and the paths
// and stand-ins of equal labels are the same; otherwise there are several comparisons, the one
// with the latest experiment first. Empty for no records. Points into `dataset`.
// Where there are more than k_most_comparisons, of the latest.
[[nodiscard]] std::vector<Comparison> compare(const records::Dataset& dataset);

}  // namespace coldload::findings
