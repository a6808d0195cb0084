#include "herd/schedule.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "measure/split_mix.h"

namespace coldload::herd {

std::vector<HerdSlot> schedule(const HerdOrder& order) {
  measure::SplitMix64 random(order.seed);
  std::vector<HerdSlot> slots;
  std::vector<std::pair<std::uint64_t, std::size_t>> block_of;  // sizes and arms
  for (std::size_t arm = 0; arm < order.arms; ++arm) {
    for (const std::uint64_t size : order.sizes) block_of.emplace_back(size, arm);
  }
  std::vector<int> all(static_cast<std::size_t>(order.ranks));
  std::iota(all.begin(), all.end(), 0);
  for (std::uint64_t block = 1; block <= order.runs; ++block) {
    random.shuffle(&block_of);
    for (const auto& [size, arm] : block_of) {
      random.shuffle(&all);
      HerdSlot slot{block,
                    {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size)},
                    arm,
                    size > 1 ? order.stagger : std::chrono::nanoseconds{}};
      std::sort(slot.members.begin(), slot.members.end());
      slots.push_back(std::move(slot));
    }
  }
  return slots;
}

}  // namespace coldload::herd
