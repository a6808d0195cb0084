// What staging costs and saves, as numbers.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "findings/comparison.h"

namespace coldload::findings {

// Medians, in seconds. Each copy is followed by one start straight after it.
struct Staging {
  const Arm* source = nullptr;
  const Arm* staged = nullptr;
  std::vector<double> copies_s;  // one per copy
  double copy_s = 0;
  double first_s = 0;  // a start straight after the copy
  std::size_t first_n = 0;
  double later_s = 0;   // a start from the copy, evicted
  double source_s = 0;  // a start from where it was copied from

  // Waiting for `starts` starts of one node, all in all.
  [[nodiscard]] double without(double starts) const { return starts * source_s; }
  [[nodiscard]] double with(double starts) const {
    return copy_s + first_s + (starts - 1) * later_s;
  }
  // The first start by which staging has paid; nothing where it never does.
  [[nodiscard]] std::optional<std::uint64_t> break_even() const {
    return break_even_against(source_s);
  }
  // The same where a start without the copy takes `each_s`.
  [[nodiscard]] std::optional<std::uint64_t> break_even_against(double each_s) const;
};

// Nothing where `staged` is no staged arm, or something of it was not measured.
[[nodiscard]] std::optional<Staging> staging_of(const Comparison& comparison, const Arm& staged);

}  // namespace coldload::findings
