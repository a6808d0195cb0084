#include "storage/stand_in_description.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "os/error.h"
#include "text/units.h"

namespace coldload::storage {

namespace {

constexpr double k_ns_per_s = 1e9;
// Below this a single page takes too long for anything to be measured by.
constexpr double k_least_rate = 100e3;
// Above this, time stamps of a nanosecond and a memory copy are the limit.
constexpr double k_greatest_rate = 100e9;
constexpr double k_greatest_latency_s = 10;
constexpr double k_least_requests_per_s = 1;

std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void check_pace(const StandInPace& pace) {
  if (!(pace.rate_bytes_per_s >= k_least_rate) || !(pace.rate_bytes_per_s <= k_greatest_rate)) {
    throw os::Error(
        fmt::format("a stand-in cannot have a rate of {} bytes per second: give 100kB/s to "
                    "100GB/s, with the unit, as in 250MB/s",
                    pace.rate_bytes_per_s));
  }
  if (seconds(pace.latency) > k_greatest_latency_s || pace.latency.count() < 0) {
    throw os::Error(fmt::format(
        "a stand-in cannot have a latency of {} s: give 0 to 10 s, with the unit, as in 1ms",
        seconds(pace.latency)));
  }
  if (pace.requests_per_s && !(*pace.requests_per_s >= k_least_requests_per_s)) {
    throw os::Error(
        "a stand-in cannot serve less than 1 request per second: give --iops 1 or more");
  }
}

StandInPace parse_stand_in(std::string_view text) {
  const auto parts = split_at_commas(text);
  const auto refuse = [text](const std::string& cause) {
    return os::Error(fmt::format(
        "cannot read the stand-in \"{}\": {}; write RATE,LATENCY as in 250MB/s,1ms", text, cause));
  };
  if (parts.size() > 3) throw refuse("it has more than rate, latency and requests per second");
  StandInPace pace;
  const auto rate = text::parse_rate(parts[0]);
  if (!rate) throw refuse(fmt::format("\"{}\" is not a rate above zero", parts[0]));
  pace.rate_bytes_per_s = *rate;
  if (parts.size() > 1) {
    const auto latency = text::parse_duration(parts[1]);
    if (!latency) throw refuse(fmt::format("\"{}\" is not a time", parts[1]));
    pace.latency = *latency;
  }
  if (parts.size() > 2) {
    std::string_view number = parts[2];
    constexpr std::string_view k_unit = "iops";
    if (number.size() > k_unit.size() && number.substr(number.size() - k_unit.size()) == k_unit) {
      number.remove_suffix(k_unit.size());
    }
    const auto requests = text::parse_size(number);
    if (!requests || *requests == 0) {
      throw refuse(fmt::format("\"{}\" is not a number of requests per second", parts[2]));
    }
    pace.requests_per_s = static_cast<double>(*requests);
  }
  check_pace(pace);
  return pace;
}

std::string to_string(const StandInPace& pace) {
  std::string text = text::format_rate(pace.rate_bytes_per_s);
  text += fmt::format(", {:g} ms latency", seconds(pace.latency) * 1e3);
  if (pace.requests_per_s) text += fmt::format(", {:g} requests/s", *pace.requests_per_s);
  return text;
}

text::json::object to_json(const StandInDescription& description) {
  const Delivered& delivered = description.delivered;
  text::json::object json;
  json["source"] = description.source;
  json["mount_point"] = description.mount_point;
  json["server_pid"] = description.server_pid;
  json["rate_bytes_per_s"] = description.pace.rate_bytes_per_s;
  json["latency_s"] = seconds(description.pace.latency);
  json["requests_per_s"] = text::or_null(description.pace.requests_per_s);
  json["links"] = description.links == OutsideLinks::as_files ? "as_files" : "as_links";
  json["backing"] = description.backing == Backing::cold ? "cold" : "warm";
  json["warmed"] = description.warmed ? text::json::value(*description.warmed) : nullptr;
  json["readahead_bytes"] = text::or_null(description.readahead_bytes);
  json["request_bytes"] = description.request_bytes;
  json["delivered"] =
      text::json::object{{"read_bytes_per_s", text::or_null(delivered.read_bytes_per_s)},
                         {"mmap_bytes_per_s", text::or_null(delivered.mmap_bytes_per_s)},
                         {"parallel_bytes_per_s", text::or_null(delivered.parallel_bytes_per_s)},
                         {"not_measured", delivered.not_measured}};
  return json;
}

std::optional<StandInDescription> stand_in_from_json(const text::json::object& json) {
  StandInDescription description;
  const auto source = text::string_at(json, "source");
  const auto mount_point = text::string_at(json, "mount_point");
  const auto rate = text::number_at(json, "rate_bytes_per_s");
  const auto latency = text::number_at(json, "latency_s");
  if (!source || !mount_point || !rate || !latency) return std::nullopt;
  description.source = *source;
  description.mount_point = *mount_point;
  description.server_pid = static_cast<pid_t>(text::unsigned_at(json, "server_pid").value_or(0));
  description.pace.rate_bytes_per_s = *rate;
  description.pace.latency =
      std::chrono::nanoseconds(static_cast<std::int64_t>(std::llround(*latency * k_ns_per_s)));
  description.pace.requests_per_s = text::number_at(json, "requests_per_s");
  if (text::string_at(json, "links") == "as_files") description.links = OutsideLinks::as_files;
  if (text::string_at(json, "backing") == "cold") description.backing = Backing::cold;
  if (const auto* warmed = json.if_contains("warmed"); warmed != nullptr && warmed->is_bool()) {
    description.warmed = warmed->as_bool();
  }
  description.readahead_bytes = text::unsigned_at(json, "readahead_bytes");
  description.request_bytes =
      static_cast<std::uint32_t>(text::unsigned_at(json, "request_bytes").value_or(0));
  if (const auto* given = json.if_contains("delivered"); given != nullptr && given->is_object()) {
    const text::json::object& delivered = given->as_object();
    description.delivered.read_bytes_per_s = text::number_at(delivered, "read_bytes_per_s");
    description.delivered.mmap_bytes_per_s = text::number_at(delivered, "mmap_bytes_per_s");
    description.delivered.parallel_bytes_per_s = text::number_at(delivered, "parallel_bytes_per_s");
    description.delivered.not_measured = text::string_at(delivered, "not_measured").value_or("");
  }
  return description;
}

std::string shortfall(const StandInDescription& description) {
  constexpr double k_enough = 0.95;
  const double asked = description.pace.rate_bytes_per_s;
  std::vector<std::string> short_of;
  const auto look = [&](const std::optional<double>& delivered, const char* to) {
    if (!delivered || *delivered >= k_enough * asked) return;
    short_of.push_back(fmt::format("{} to {}", text::format_rate(*delivered), to));
  };
  look(description.delivered.read_bytes_per_s, "one reader with read(2)");
  look(description.delivered.mmap_bytes_per_s, "one reader through mmap");
  look(description.delivered.parallel_bytes_per_s, "four readers together");
  if (short_of.empty()) return "";
  std::string text = fmt::format("delivers {}", short_of[0]);
  for (std::size_t i = 1; i < short_of.size(); ++i) {
    text += (i + 1 == short_of.size() ? " and " : ", ") + short_of[i];
  }
  text += fmt::format(", asked {}", text::format_rate(asked));
  if (description.readahead_bytes &&
      *description.readahead_bytes < needed_readahead(description.pace)) {
    text += fmt::format(
        ": the mount's readahead is {} KiB and would have to be {} KiB, which only "
        "root can set",
        *description.readahead_bytes >> 10, needed_readahead(description.pace) >> 10);
  }
  return text;
}

std::uint64_t needed_readahead(const StandInPace& pace) {
  constexpr std::uint64_t k_least = 1ULL << 20;
  constexpr std::uint64_t k_most = 16ULL << 20;
  constexpr double k_times_in_flight = 4;
  // A reader that is not put back on a processor at once must not find the line idle.
  constexpr double k_wake_up_s = 0.003;
  const double needed =
      k_times_in_flight * pace.rate_bytes_per_s * (seconds(pace.latency) + k_wake_up_s);
  std::uint64_t bytes = k_least;
  while (bytes < k_most && static_cast<double>(bytes) < needed) bytes *= 2;
  return bytes;
}

}  // namespace coldload::storage
