#include "records/timeline.h"

#include <array>
#include <cmath>
#include <utility>

#include "records/json_members.h"

namespace coldload::records {

namespace {

// To the microsecond: nothing here is known better, and a row is shorter.
json::value seconds(std::optional<double> value) {
  constexpr double k_per_second = 1e6;
  if (!value) return nullptr;
  return std::round(*value * k_per_second) / k_per_second;
}

template <auto Time>
constexpr Member<TimelineSample> time_member(std::string_view key) {
  Member<TimelineSample> time = member<Time>(key);
  time.write = [](const TimelineSample& sample) { return seconds(sample.*Time); };
  return time;
}

// A count that is small enough to be reckoned with as a number.
template <auto Count>
constexpr Member<TimelineSample> count_member(std::string_view key) {
  Member<TimelineSample> count = member<Count>(key);
  count.read = [](json::value&& value, TimelineSample* sample) {
    constexpr std::uint64_t k_most = 1'000'000'000'000'000'000;
    std::uint64_t read = 0;
    from_value(std::move(value), &read);
    if (read <= k_most) sample->*Count = read;
  };
  return count;
}

using Row = TimelineSample;

constexpr std::array k_members{
    time_member<&Row::t_s>("t_s"),
    count_member<&Row::storage_bytes>("storage_bytes"),
    count_member<&Row::read_calls>("read_calls"),
    time_member<&Row::cpu_s>("cpu_s"),
    count_member<&Row::resident_bytes>("resident_bytes"),
    count_member<&Row::page_cache_bytes>("page_cache_bytes"),
    member<&Row::gpu, &GpuReading::memory_mib>("gpu_mem_mib"),
    member<&Row::gpu, &GpuReading::utilization_percent>("gpu_util_percent"),
    member<&Row::gpu, &GpuReading::pcie_rx_bytes_per_s>("pcie_rx_bytes_per_s")};

}  // namespace

json::array to_json(const std::vector<TimelineSample>& samples) {
  json::array rows;
  rows.reserve(samples.size());
  for (const TimelineSample& sample : samples) {
    rows.emplace_back(to_object(sample, std::span<const Member<Row>>(k_members)));
  }
  return rows;
}

std::vector<TimelineSample> samples_of(const json::array& rows) {
  std::vector<TimelineSample> samples;
  for (const json::value& value : rows) {
    const json::object* row = value.if_object();
    if (row == nullptr) continue;
    constexpr double k_none = -1;
    TimelineSample sample;
    sample.t_s = k_none;
    from_object(*row, std::span<const Member<Row>>(k_members), true, &sample);
    if (sample.t_s < 0 || (!samples.empty() && sample.t_s < samples.back().t_s)) continue;
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
