#include "herd/schedule.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "measure/split_mix.h"

namespace coldload::herd {

std::vector<HerdSlot> schedule(const std::vector<std::uint64_t>& sizes, std::uint64_t runs,
                               int ranks, std::uint64_t seed) {
  measure::SplitMix64 random(seed);
  std::vector<HerdSlot> slots;
  std::vector<std::uint64_t> order = sizes;
  std::vector<int> all(static_cast<std::size_t>(ranks));
  std::iota(all.begin(), all.end(), 0);
  for (std::uint64_t block = 1; block <= runs; ++block) {
    random.shuffle(&order);
    for (const std::uint64_t size : order) {
      random.shuffle(&all);
      HerdSlot slot{block, {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size)}};
      std::sort(slot.members.begin(), slot.members.end());
      slots.push_back(std::move(slot));
    }
  }
  return slots;
}

}  // namespace coldload::herd
