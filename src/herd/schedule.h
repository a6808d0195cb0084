// Which nodes start together, and in which order.
//
// Layer: herd. Pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coldload::herd {

// The ranks on one node, of which each starts a server; they share its page cache.
struct HerdNode {
  std::uint64_t number = 0;  // among all that there are
  std::vector<int> ranks;    // ascending
};

// One trial to come: these nodes start together, the others idle.
struct HerdSlot {
  std::uint64_t block = 0;             // from 1; the run of that size and arm
  std::vector<HerdNode> nodes;         // by number
  std::size_t arm = 0;                 // index
  std::chrono::nanoseconds stagger{};  // from one node's launch to the next's; 0: none

  // That rank's node, as an index; nothing: it idles.
  [[nodiscard]] std::optional<std::size_t> place_of(int rank) const;
  // How much later than the first of them that rank is to launch.
  [[nodiscard]] std::chrono::nanoseconds delay_of(int rank) const;
  // All ranks that start, node by node.
  [[nodiscard]] std::vector<int> members() const;
  // "herd4", "herd4x8" with eight servers on each, "herd4_stagger2s"
  [[nodiscard]] std::string name() const;
};

struct HerdOrder {
  std::vector<std::uint64_t> sizes;  // in nodes; none above those that there are
  std::size_t arms = 1;
  std::uint64_t runs = 0;  // of each size and arm
  std::vector<HerdNode> nodes;
  std::uint64_t seed = 0;
  std::chrono::nanoseconds stagger{};
};

// Blocks in a random order; each has every size of every arm once, with nodes that are drawn anew.
// The same order gives the same slots on every machine.
[[nodiscard]] std::vector<HerdSlot> schedule(const HerdOrder& order);

}  // namespace coldload::herd
