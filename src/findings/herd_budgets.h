// How many nodes may start at once from one path, and what it takes to start them in waves.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <boost/describe/enum.hpp>

#include "findings/budgets.h"
#include "findings/herd.h"

namespace coldload::findings {

// What the most nodes within a budget rest on.
enum class HerdBasis {
  measured,  // herds of so many, and that one more is too many by herds or by the model
  derived,   // the model: larger than what was measured within the budget
  at_least,  // herds of so many; what more would take, below `too_many`, is not known
  below,     // the smallest herd measured, which is too many
};
BOOST_DESCRIBE_ENUM(HerdBasis, measured, derived, at_least, below)

// Of all herds measured of a size the slowest counts.
struct HerdFit {
  Budget budget;
  std::uint64_t nodes = 0;                // 0, measured: one node alone takes longer
  std::optional<std::uint64_t> too_many;  // the smallest size of which a herd took longer
  HerdBasis basis = HerdBasis::measured;
  // What the storage has to give in all for each further node, where it is what holds them back by
  // the model.
  std::optional<double> each_more_bytes_per_s;
};

// One for each budget of the comparison, in their order; `herd` has sizes.
[[nodiscard]] std::vector<HerdFit> herd_fits_of(const Comparison& comparison,
                                                const HerdOfArm& herd);

// So many nodes, of which `size` start at once and the next when these are ready.
struct Waves {
  std::uint64_t size = 0;
  std::uint64_t count = 0;
  double all_ready_s = 0;  // count times what a whole wave takes
  double each_wave_s = 0;
};
// `size`: at least 1.
[[nodiscard]] Waves waves_of(const HerdModel& model, std::uint64_t nodes, std::uint64_t size);

}  // namespace coldload::findings
