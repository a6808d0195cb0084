#include "measure/schedule.h"

#include <algorithm>
#include <numeric>
#include <string>

#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enum_to_string.hpp>

namespace coldload::measure {

namespace {

// SplitMix64 (Steele, Lea, Flood 2014): small and the same everywhere, unlike std's distributions.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  // Uniform in [0, bound), without modulo bias.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    std::uint64_t value = next();
    while (value >= limit) value = next();
    return value % bound;
  }

 private:
  std::uint64_t state_;
};

void append_blocks(std::vector<Slot>* slots, TrialKind kind, std::uint64_t runs,
                   const ScheduleOptions& options, SplitMix64* random) {
  std::vector<std::size_t> arms(options.arms);
  std::iota(arms.begin(), arms.end(), std::size_t{0});
  for (std::uint64_t block = 1; block <= runs; ++block) {
    if (options.order == Order::random) {
      for (std::size_t i = arms.size(); i > 1; --i) std::swap(arms[i - 1], arms[random->below(i)]);
    }
    for (const std::size_t arm : arms) slots->push_back({kind, arm, block});
    if (options.order == Order::abba) std::reverse(arms.begin(), arms.end());
  }
  if (options.order == Order::sequential) {
    std::stable_sort(slots->end() - static_cast<std::ptrdiff_t>(runs * options.arms), slots->end(),
                     [](const Slot& a, const Slot& b) { return a.arm < b.arm; });
  }
}

}  // namespace

std::optional<Order> parse_order(std::string_view text) {
  Order order{};
  const bool is_one = boost::describe::enum_from_string(std::string(text).c_str(), order);
  return is_one ? std::optional(order) : std::nullopt;
}

std::string_view to_string(Order order) { return boost::describe::enum_to_string(order, ""); }

std::vector<Slot> schedule(const ScheduleOptions& options) {
  std::vector<Slot> slots;
  SplitMix64 random(options.seed);
  append_blocks(&slots, TrialKind::warm_up, options.warm_up_runs, options, &random);
  append_blocks(&slots, TrialKind::cold, options.cold_runs, options, &random);
  append_blocks(&slots, TrialKind::warm, options.warm_runs, options, &random);
  return slots;
}

}  // namespace coldload::measure
