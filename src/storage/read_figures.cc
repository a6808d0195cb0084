#include "storage/read_figures.h"

#include <algorithm>

#include <fmt/format.h>

#include "storage/probed_files.h"
#include "text/units.h"

namespace coldload::storage {

namespace {

// Shares of a checkpoint that is too small for all: a level's rounds, and what the others need.
constexpr std::size_t k_level_share = 24;  // beside the requests in flight
constexpr std::size_t k_sequential_share = 30;
constexpr std::size_t k_latency_share = 12;

constexpr std::uint64_t k_telling_bytes = std::uint64_t{64} << 20;
constexpr double k_telling_s = 0.1;

}  // namespace

void ReadTally::add(os::TimePoint begin, os::TimePoint end, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  begin_ = bytes_ == 0 ? begin : std::min(begin_, begin);
  end_ = bytes_ == 0 ? end : std::max(end_, end);
  bytes_ += bytes;
}

ReadRate ReadTally::rate(const std::string& reason) const {
  const std::lock_guard lock(mutex_);
  ReadRate rate;
  rate.bytes = bytes_;
  rate.seconds = os::seconds_between(begin_, end_);
  if (bytes_ == 0 || rate.seconds <= 0) {
    rate.reason = reason;
  } else if (bytes_ < k_telling_bytes && rate.seconds < k_telling_s) {
    rate.reason = fmt::format("too little to tell: {} in {:.1f} ms", text::format_bytes(bytes_),
                              rate.seconds * 1e3);
  } else {
    rate.bytes_per_s = static_cast<double>(bytes_) / rate.seconds;
  }
  return rate;
}

std::optional<double> ReadFigures::best_bytes_per_s() const {
  std::optional<double> best = sequential.bytes_per_s;
  for (const LevelRate& level : levels) best = std::max(best, level.rate.bytes_per_s);
  return best;
}

unsigned ReadFigures::best_in_flight() const {
  const auto best = best_bytes_per_s();
  for (const LevelRate& level : levels) {
    if (best && level.rate.bytes_per_s == best) return level.in_flight;
  }
  return 0;
}

std::vector<std::size_t> share_blocks(std::size_t blocks, const std::vector<unsigned>& in_flight) {
  std::vector<std::size_t> rounds;  // a part reads whole rounds of so many blocks
  std::vector<std::size_t> weights;
  for (const unsigned level : in_flight) {
    rounds.push_back(level);
    weights.push_back(level + k_level_share);
  }
  rounds.insert(rounds.end(), {1, 1});
  weights.insert(weights.end(), {k_sequential_share, k_latency_share});
  std::size_t weight = 0;
  for (const std::size_t one : weights) weight += one;
  std::vector<std::size_t> shares;
  std::size_t left = blocks;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t share = blocks * weights[i] / weight;
    shares.push_back(share - share % rounds[i]);
    left -= shares.back();
  }
  // What rounding left goes to those with nothing.
  for (std::size_t i = weights.size(); i-- > 0;) {
    if (shares[i] > 0 || rounds[i] > left) continue;
    shares[i] = rounds[i];
    left -= rounds[i];
  }
  return shares;
}

std::size_t blocks_for_one_reader(std::optional<double> best_bytes_per_s,
                                  std::chrono::nanoseconds time) {
  constexpr std::size_t k_least_blocks = 32;
  constexpr std::size_t k_most_blocks = 1024;
  if (!best_bytes_per_s) return k_most_blocks;
  const double bytes = 2 * *best_bytes_per_s * os::Seconds(time).count();
  const auto blocks = static_cast<std::size_t>(bytes / static_cast<double>(k_request_bytes));
  return std::clamp(blocks, k_least_blocks, k_most_blocks);
}

}  // namespace coldload::storage
