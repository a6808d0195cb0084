// Between what a herd's model may lie, as its runs scatter.
//
// Layer: findings. Pure functions.
#pragma once

#include <optional>
#include <string>

#include "findings/herd.h"
#include "statistics/statistics.h"

namespace coldload::findings {

// 95 % intervals, or wider, each with the model's own figure in it (docs/decisions/intervals.md).
// Nothing where there are too few herds for one: fewer than 6 of a single node, which all of them
// rest on, or where the runs leave it open.
struct HerdIntervals {
  std::optional<statistics::Interval> node_bytes_per_s;
  std::optional<statistics::Interval> base_s;
  std::optional<statistics::Interval> total_bytes_per_s;
  std::optional<statistics::Interval> knee;
};

// `target`: of the comparison. None without a model.
[[nodiscard]] HerdIntervals intervals_of(const HerdOfArm& herd, const std::string& target);

}  // namespace coldload::findings
