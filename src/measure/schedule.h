// The order of an experiment's trials.
//
// Layer: measure. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/describe/enum.hpp>

namespace coldload::measure {

enum class Order {
  random,      // blocks; each holds every arm once, shuffled
  abba,        // blocks; every second one in reverse
  sequential,  // all runs of the first arm, then all of the second, ...
};
BOOST_DESCRIBE_ENUM(Order, random, abba, sequential)

[[nodiscard]] std::optional<Order> parse_order(std::string_view text);
[[nodiscard]] std::string_view to_string(Order order);

enum class TrialKind {
  warm_up,  // a discarded launch, so that runtime caches are hot
  cold,
  warm,        // the checkpoint resident before launch
  after_copy,  // of a staged arm: straight after its copy was made, with what that left in memory
  node,        // what else the start reads brought out of memory, too
  first,       // as `node`, and the server's runtime caches empty
};

// Whether the checkpoint is brought out of memory before such a trial.
[[nodiscard]] constexpr bool starts_cold(TrialKind kind) {
  return kind == TrialKind::cold || kind == TrialKind::node || kind == TrialKind::first;
}

// One trial to come.
struct Slot {
  TrialKind kind = TrialKind::cold;
  std::size_t arm = 0;      // index
  std::uint64_t block = 0;  // from 1 within its kind; the run of that arm
};

struct ScheduleOptions {
  std::size_t arms = 0;
  std::uint64_t warm_up_runs = 0;  // per arm
  std::uint64_t cold_runs = 0;     // per arm
  std::uint64_t warm_runs = 0;     // per arm
  std::uint64_t node_runs = 0;     // per arm
  std::uint64_t first_runs = 0;    // per arm
  Order order = Order::random;
  std::uint64_t seed = 0;
};

// Warm-ups first, then the cold trials, then the warm ones; where there are other layers of cold,
// each block has every arm in every layer, shuffled: they are to be told apart, too. The same
// options give the same order on every machine.
[[nodiscard]] std::vector<Slot> schedule(const ScheduleOptions& options);

}  // namespace coldload::measure
