#include "findings/herd_intervals.h"

#include <algorithm>
#include <vector>

namespace coldload::findings {

namespace {

using statistics::Interval;

std::optional<Interval> with(double figure, const std::optional<Interval>& interval) {
  if (!interval) return std::nullopt;
  return Interval{std::min(interval->low, figure), std::max(interval->high, figure)};
}

// Seconds that each byte took all nodes together in the herds that waited for the storage, if a
// start takes `base_s` beside its weights.
std::optional<Interval> seconds_per_byte(const HerdOfArm& herd, double base_s) {
  std::vector<double> slopes;
  for (const HerdSize& size : herd.sizes) {
    if (size.size < herd.model->first_limited) continue;
    const double bytes = herd.model->bytes * static_cast<double>(size.size);
    for (const double value : size.values_s()) slopes.push_back((value - base_s) / bytes);
  }
  return statistics::median_interval(slopes);
}

// The slowest that goes with the least time beside the weights, and the fastest with the most.
std::optional<Interval> total_rate(const HerdOfArm& herd, const Interval& base_s) {
  const auto longest = seconds_per_byte(herd, base_s.low);
  const auto shortest = seconds_per_byte(herd, base_s.high);
  if (!longest || !shortest || shortest->low <= 0) return std::nullopt;
  return Interval{1 / longest->high, 1 / shortest->low};
}

}  // namespace

HerdIntervals intervals_of(const HerdOfArm& herd, const std::string& target) {
  HerdIntervals intervals;
  if (!herd.model) return intervals;
  const HerdModel& model = *herd.model;
  std::vector<double> rates;
  std::vector<double> rests;
  for (const HerdRun& run : herd.sizes.front().runs) {
    const NodeAlone node = *node_alone(run, target);  // or there is no model
    if (node.weights_s <= 0) return intervals;
    rates.push_back(node.bytes / node.weights_s);
    rests.push_back(std::max(run.all_ready_s - node.weights_s, 0.0));
  }
  intervals.node_bytes_per_s = with(model.node_bytes_per_s, statistics::median_interval(rates));
  intervals.base_s = with(model.base_s, statistics::median_interval(rests));
  if (!model.total_bytes_per_s || !intervals.base_s) return intervals;
  intervals.total_bytes_per_s = with(*model.total_bytes_per_s, total_rate(herd, *intervals.base_s));
  if (!intervals.total_bytes_per_s) return intervals;
  intervals.knee = Interval{intervals.total_bytes_per_s->low / intervals.node_bytes_per_s->high,
                            intervals.total_bytes_per_s->high / intervals.node_bytes_per_s->low};
  return intervals;
}

}  // namespace coldload::findings
