// Load times of one arm against another's, and what they allow to say.
//
// Layer: findings. Pure functions; knows no record.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <boost/describe/enum.hpp>

#include "statistics/statistics.h"

namespace coldload::findings {

// What the runs allow to say of a contrast.
enum class Claim {
  nothing,      // an arm has no usable cold trial
  single_runs,  // an arm has one run: figures, and no claim
  separated,    // every run of one arm beats every run of the other, too few for p < 0.05
  shown,        // p < 0.05
  mixed,        // p < 0.05, but the medians do not say the same
  not_shown,    // neither: chance explains it
};
BOOST_DESCRIBE_ENUM(Claim, nothing, single_runs, separated, shown, mixed, not_shown)
[[nodiscard]] const char* to_string(Claim claim);  // "single_runs"

// One arm against another, in a comparison's list against the first path that was measured.
struct Contrast {
  std::size_t first = 0;  // indices into arms
  std::size_t second = 0;
  std::optional<double> ratio;  // of medians, second over first
  std::optional<statistics::Interval> ratio_ci;
  std::optional<double> difference_s;  // of medians, second less first
  std::optional<statistics::Interval> difference_ci;
  std::optional<double> p_value;
  std::optional<std::size_t> runs_to_show;  // per arm; see statistics::runs_to_show
  bool ranges_apart = false;  // every run of one arm is slower than every run of the other
  // Whose runs tend to be the longer ones: 1 of the second arm, -1 of the first, 0 of neither.
  int longer = 0;

  // How many contrasts are looked at together: p, intervals and claim are such that where nothing
  // differs, one of all these is shown in at most 5 % of experiments (Bonferroni).
  std::size_t looks = 1;

  Claim claim = Claim::nothing;
};

// `second` against `first`, not saying of which arms they are.
[[nodiscard]] Contrast contrast_of(std::span<const double> first, std::span<const double> second,
                                   std::size_t looks = 1);

// How many runs of each arm are the fewest that can show a difference in so many looks.
[[nodiscard]] std::size_t fewest_to_show(std::size_t looks);

}  // namespace coldload::findings
