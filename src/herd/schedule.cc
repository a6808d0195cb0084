#include "herd/schedule.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "measure/split_mix.h"

namespace coldload::herd {

std::optional<std::size_t> HerdSlot::place_of(int rank) const {
  const auto has_it = [rank](const HerdNode& node) {
    return std::binary_search(node.ranks.begin(), node.ranks.end(), rank);
  };
  const auto found = std::find_if(nodes.begin(), nodes.end(), has_it);
  if (found == nodes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - nodes.begin());
}

std::chrono::nanoseconds HerdSlot::delay_of(int rank) const {
  return static_cast<std::int64_t>(place_of(rank).value_or(0)) * stagger;
}

std::vector<int> HerdSlot::members() const {
  std::vector<int> all;
  for (const HerdNode& node : nodes) all.insert(all.end(), node.ranks.begin(), node.ranks.end());
  return all;
}

std::string HerdSlot::name() const {
  std::string text = fmt::format("herd{}", nodes.size());
  if (nodes.front().ranks.size() > 1) text += fmt::format("x{}", nodes.front().ranks.size());
  if (stagger.count() > 0) {
    text += fmt::format("_stagger{:g}s", std::chrono::duration<double>(stagger).count());
  }
  return text;
}

std::vector<HerdSlot> schedule(const HerdOrder& order) {
  measure::SplitMix64 random(order.seed);
  std::vector<HerdSlot> slots;
  std::vector<std::pair<std::uint64_t, std::size_t>> block_of;  // sizes and arms
  for (std::size_t arm = 0; arm < order.arms; ++arm) {
    for (const std::uint64_t size : order.sizes) block_of.emplace_back(size, arm);
  }
  std::vector<std::size_t> all(order.nodes.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::uint64_t block = 1; block <= order.runs; ++block) {
    random.shuffle(&block_of);
    for (const auto& [size, arm] : block_of) {
      random.shuffle(&all);
      std::vector<std::size_t> drawn(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
      std::sort(drawn.begin(), drawn.end());
      HerdSlot slot{block, {}, arm, size > 1 ? order.stagger : std::chrono::nanoseconds{}};
      for (const std::size_t node : drawn) slot.nodes.push_back(order.nodes[node]);
      slots.push_back(std::move(slot));
    }
  }
  return slots;
}

}  // namespace coldload::herd
