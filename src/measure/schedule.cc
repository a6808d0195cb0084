#include "measure/schedule.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enum_to_string.hpp>

#include "measure/split_mix.h"

namespace coldload::measure {

namespace {

// How often each arm is started in that way.
struct Repeated {
  TrialKind kind = TrialKind::cold;
  std::uint64_t runs = 0;
};

void append_blocks(std::vector<Slot>* slots, const std::vector<Repeated>& kinds,
                   const ScheduleOptions& options, SplitMix64* random) {
  std::vector<Slot> order;  // of one block that has every kind
  for (const Repeated& repeated : kinds) {
    for (std::size_t arm = 0; arm < options.arms; ++arm) order.push_back({repeated.kind, arm, 0});
  }
  std::uint64_t blocks = 0;
  for (const Repeated& repeated : kinds) blocks = std::max(blocks, repeated.runs);
  const auto begin = static_cast<std::ptrdiff_t>(slots->size());
  for (std::uint64_t block = 1; block <= blocks; ++block) {
    if (options.order == Order::random) {
      random->shuffle(&order);
    }
    for (const Slot& slot : order) {
      const auto repeated = std::find_if(kinds.begin(), kinds.end(), [&slot](const Repeated& one) {
        return one.kind == slot.kind;
      });
      if (block <= repeated->runs) slots->push_back({slot.kind, slot.arm, block});
    }
    if (options.order == Order::abba) std::reverse(order.begin(), order.end());
  }
  if (options.order == Order::sequential) {
    std::stable_sort(slots->begin() + begin, slots->end(),
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
  const auto append = [&](const std::vector<Repeated>& kinds) {
    append_blocks(&slots, kinds, options, &random);
  };
  append({{TrialKind::warm_up, options.warm_up_runs}});
  if (options.node_runs == 0 && options.first_runs == 0) {
    append({{TrialKind::cold, options.cold_runs}});
    append({{TrialKind::warm, options.warm_runs}});
  } else {
    append({{TrialKind::cold, options.cold_runs},
            {TrialKind::node, options.node_runs},
            {TrialKind::first, options.first_runs},
            {TrialKind::warm, options.warm_runs}});
  }
  return slots;
}

}  // namespace coldload::measure
