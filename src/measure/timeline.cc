#include "measure/timeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace coldload::measure {

namespace {

// Shares of one core. All sampling together stays under a hundredth: these, and those of
// measure/observation.cc and measure/gpu_sampler.cc, but for a GPU that is dear to ask.
constexpr double k_counter_share = 0.0008;
constexpr double k_page_cache_share = 0.0007;

// What can only grow: the largest figure so far, if this one is known.
template <typename Number>
std::optional<Number> grown(const std::optional<Number>& figure, std::optional<Number>* largest) {
  if (!figure) return std::nullopt;
  *largest = std::max(largest->value_or(0), *figure);
  return *largest;
}

template <typename Source>
auto ask(const Source& source, os::TimePoint now, bool whatever_it_costs, CostBound* bound)
    -> decltype(source()) {
  if (!source || (!whatever_it_costs && !bound->due(now))) return {};
  const auto before = os::thread_cpu_time();
  auto answer = source();
  bound->ran(now, os::thread_cpu_time() - before);
  return answer;
}

// To the microsecond: nothing here is known better, and a row is shorter.
text::json::value seconds(std::optional<double> value) {
  constexpr double k_per_second = 1e6;
  if (!value) return nullptr;
  return std::round(*value * k_per_second) / k_per_second;
}

text::json::value number(std::optional<double> value) {
  if (!value) return nullptr;
  return *value;
}

}  // namespace

Timeline::Timeline(os::TimePoint launched_at, TimelineSources sources)
    : launched_at_(launched_at),
      sources_(std::move(sources)),
      next_(launched_at),
      counter_cost_(k_counter_share),
      page_cache_cost_(k_page_cache_share) {}

void Timeline::add(os::TimePoint now, const serve::TreeSample* tree, Row which) {
  TimelineSample row;
  row.t_s = std::max(0.0, os::seconds_between(launched_at_, now));
  if (tree != nullptr) {
    row.read_calls = grown(tree->read_calls, &largest_.read_calls);
    row.cpu_s = grown(std::optional(tree->usage.cpu_s), &largest_.cpu_s);
    row.resident_bytes = tree->usage.resident_bytes;
  }
  std::optional<std::uint64_t> bytes;
  if (sources_.storage_bytes) {
    bytes = ask(sources_.storage_bytes, now, which == Row::last, &counter_cost_);
  } else if (tree != nullptr) {
    bytes = tree->reads.bytes;
  }
  row.storage_bytes = grown(bytes, &largest_.storage_bytes);
  row.page_cache_bytes = ask(sources_.page_cache_bytes, now, which == Row::last, &page_cache_cost_);
  if (tree != nullptr) pids_ = tree->pids;
  if (sources_.gpu) row.gpu = sources_.gpu(pids_);
  samples_.push_back(row);
  if (samples_.size() > k_most_samples) thin_out();
  // On the grid that begins at launch, whatever this row was late.
  next_ = launched_at_ + ((now - launched_at_) / period_ + 1) * period_;
}

// The first row stays.
void Timeline::thin_out() {
  for (std::size_t i = 1; 2 * i < samples_.size(); ++i) samples_[i] = samples_[2 * i];
  samples_.resize((samples_.size() + 1) / 2);
  period_ *= 2;
}

text::json::array to_json(const std::vector<TimelineSample>& samples) {
  text::json::array rows;
  rows.reserve(samples.size());
  for (const TimelineSample& sample : samples) {
    text::json::object row;
    row["t_s"] = seconds(sample.t_s);
    row["storage_bytes"] = text::or_null(sample.storage_bytes);
    row["read_calls"] = text::or_null(sample.read_calls);
    row["cpu_s"] = seconds(sample.cpu_s);
    row["resident_bytes"] = text::or_null(sample.resident_bytes);
    row["page_cache_bytes"] = text::or_null(sample.page_cache_bytes);
    row["gpu_mem_mib"] = number(sample.gpu.memory_mib);
    row["gpu_util_percent"] = number(sample.gpu.utilization_percent);
    row["pcie_rx_bytes_per_s"] = number(sample.gpu.pcie_rx_bytes_per_s);
    rows.emplace_back(std::move(row));
  }
  return rows;
}

std::vector<TimelineSample> samples_of(const text::json::array& rows) {
  // Larger than whatever was measured, and small enough to be reckoned with.
  constexpr double k_most = 1e18;
  const auto figure = [](const text::json::object& row, const char* key) {
    const auto value = text::number_at(row, key);
    return value && *value >= 0 && *value <= k_most ? value : std::nullopt;
  };
  const auto count = [](const text::json::object& row, const char* key) {
    const auto value = text::unsigned_at(row, key);
    return value && static_cast<double>(*value) <= k_most ? value : std::nullopt;
  };
  std::vector<TimelineSample> samples;
  for (const text::json::value& value : rows) {
    const text::json::object* row = value.if_object();
    const auto t_s = row == nullptr ? std::nullopt : figure(*row, "t_s");
    if (!t_s || (!samples.empty() && *t_s < samples.back().t_s)) continue;
    TimelineSample sample;
    sample.t_s = *t_s;
    sample.storage_bytes = count(*row, "storage_bytes");
    sample.read_calls = count(*row, "read_calls");
    sample.cpu_s = figure(*row, "cpu_s");
    sample.resident_bytes = count(*row, "resident_bytes");
    sample.page_cache_bytes = count(*row, "page_cache_bytes");
    sample.gpu.memory_mib = figure(*row, "gpu_mem_mib");
    sample.gpu.utilization_percent = figure(*row, "gpu_util_percent");
    sample.gpu.pcie_rx_bytes_per_s = figure(*row, "pcie_rx_bytes_per_s");
    samples.push_back(sample);
  }
  return samples;
}

std::optional<double> cpu_between(const std::vector<TimelineSample>& samples, double from_s,
                                  double to_s) {
  constexpr double k_far = 0.1;  // of the whole span
  const auto at = [&](double t_s) -> std::optional<double> {
    const TimelineSample* before = nullptr;
    for (const TimelineSample& sample : samples) {
      if (!sample.cpu_s) continue;
      if (sample.t_s == t_s) return sample.cpu_s;
      if (sample.t_s < t_s) {
        before = &sample;
        continue;
      }
      if (sample.t_s - (before == nullptr ? t_s : before->t_s) > k_far * (to_s - from_s)) break;
      if (before == nullptr || sample.t_s <= before->t_s) return sample.cpu_s;
      const double share = (t_s - before->t_s) / (sample.t_s - before->t_s);
      return std::lerp(*before->cpu_s, *sample.cpu_s, share);
    }
    return std::nullopt;
  };
  const auto from = at(from_s);
  const auto to = at(to_s);
  return from && to && to_s > from_s && *to >= *from ? std::optional(*to - *from) : std::nullopt;
}

}  // namespace coldload::measure
