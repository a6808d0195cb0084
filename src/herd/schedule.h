// Which nodes start together, and in which order.
//
// Layer: herd. Pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coldload::herd {

// One trial to come: these ranks start together, the others idle.
struct HerdSlot {
  std::uint64_t block = 0;             // from 1; the run of that size and arm
  std::vector<int> members;            // ascending
  std::size_t arm = 0;                 // index
  std::chrono::nanoseconds stagger{};  // from one member's launch to the next's; 0: none
};

struct HerdOrder {
  std::vector<std::uint64_t> sizes;  // none above `ranks`
  std::size_t arms = 1;
  std::uint64_t runs = 0;  // of each size and arm
  int ranks = 0;
  std::uint64_t seed = 0;
  std::chrono::nanoseconds stagger{};
};

// Blocks in a random order; each has every size of every arm once, with nodes that are drawn anew.
// The same order gives the same slots on every machine.
[[nodiscard]] std::vector<HerdSlot> schedule(const HerdOrder& order);

}  // namespace coldload::herd
