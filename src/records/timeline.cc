#include "records/timeline.h"

#include <cmath>
#include <utility>

namespace coldload::records {

namespace {

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

}  // namespace coldload::records
