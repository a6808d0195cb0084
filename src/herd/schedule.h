// Which nodes start together, and in which order.
//
// Layer: herd. Pure functions.
#pragma once

#include <cstdint>
#include <vector>

namespace coldload::herd {

// One trial to come: these ranks start at the same moment, the others idle.
struct HerdSlot {
  std::uint64_t block = 0;   // from 1; the run of that size
  std::vector<int> members;  // ascending
};

// Blocks in a random order; each has every size once, with nodes that are drawn anew. The same
// arguments give the same slots on every machine. No size is above `ranks`.
[[nodiscard]] std::vector<HerdSlot> schedule(const std::vector<std::uint64_t>& sizes,
                                             std::uint64_t runs, int ranks, std::uint64_t seed);

}  // namespace coldload::herd
