#include "stage/read_way_choice.h"

namespace coldload::stage {

namespace {
// Direct, buffered, then the better one for good.
constexpr std::size_t k_rounds = 2;
}  // namespace

ReadWay ReadWayChoice::next() {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t round = given_++ / round_chunks_;
    if (round < k_rounds) return round == 0 ? ReadWay::direct : ReadWay::buffered;
  }
  return best();
}

void ReadWayChoice::ran(ReadWay way, os::Clock::duration took) {
  const std::lock_guard lock(mutex_);
  Tally& tally = tallies_[static_cast<std::size_t>(way)];
  ++tally.chunks;
  tally.spent += took;
}

ReadWay ReadWayChoice::best() {
  const std::lock_guard lock(mutex_);
  const Tally& direct = tallies_[static_cast<std::size_t>(ReadWay::direct)];
  const Tally& buffered = tallies_[static_cast<std::size_t>(ReadWay::buffered)];
  if (buffered.chunks == 0) return ReadWay::direct;
  if (direct.chunks == 0) return ReadWay::buffered;
  const auto each = [](const Tally& tally) {
    return os::Seconds(tally.spent).count() / static_cast<double>(tally.chunks);
  };
  // The page cache takes memory from others: it must be worth it.
  constexpr double k_worth = 0.95;
  return each(buffered) < k_worth * each(direct) ? ReadWay::buffered : ReadWay::direct;
}

}  // namespace coldload::stage
