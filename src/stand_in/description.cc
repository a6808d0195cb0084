#include "stand_in/description.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "os/error.h"
#include "text/units.h"

namespace coldload::stand_in {

namespace {

constexpr double k_ns_per_s = 1e9;
double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

text::json::value faults_value(const ReadFaults& faults) {
  if (!faults.any()) return nullptr;
  return text::json::object{{"fail_after_bytes", text::or_null(faults.fail_after_bytes)},
                            {"hang_after_bytes", text::or_null(faults.hang_after_bytes)},
                            {"error_share", faults.error_share},
                            {"seed", faults.seed}};
}

ReadFaults read_faults(const text::json::object& json) {
  ReadFaults faults;
  const auto* given = json.if_contains("faults");
  if (given == nullptr || !given->is_object()) return faults;
  const text::json::object& object = given->as_object();
  faults.fail_after_bytes = text::unsigned_at(object, "fail_after_bytes");
  faults.hang_after_bytes = text::unsigned_at(object, "hang_after_bytes");
  faults.error_share = text::number_at(object, "error_share").value_or(0);
  faults.seed = text::unsigned_at(object, "seed").value_or(faults.seed);
  return faults;
}

}  // namespace

std::string to_string(const ReadFaults& faults) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (faults.fail_after_bytes) {
    add("reads fail after " + text::format_bytes(*faults.fail_after_bytes));
  }
  if (faults.hang_after_bytes) {
    add("reads hang after " + text::format_bytes(*faults.hang_after_bytes));
  }
  if (faults.error_share > 0) {
    constexpr double k_percent = 100;
    add(fmt::format("{:g} % of the read requests fail (seed {})", faults.error_share * k_percent,
                    faults.seed));
  }
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
  json["stream_bytes_per_s"] = text::or_null(description.pace.stream_bytes_per_s);
  json["preset"] = description.pace.preset;
  json["faults"] = faults_value(description.faults);
  json["allow_other"] = description.access == MountAccess::everybody;
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
  description.pace.stream_bytes_per_s = text::number_at(json, "stream_bytes_per_s");
  description.pace.preset = text::string_at(json, "preset").value_or("");
  description.faults = read_faults(json);
  if (const auto* open = json.if_contains("allow_other"); open != nullptr && open->is_bool()) {
    description.access = open->as_bool() ? MountAccess::everybody : MountAccess::owner;
  }
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
  constexpr unsigned k_together = 4;
  const StandInPace& pace = description.pace;
  std::vector<std::string> short_of;
  const auto look = [&](const std::optional<double>& delivered, unsigned readers, const char* to) {
    if (!delivered || *delivered >= k_enough * rate_for(pace, readers)) return;
    short_of.push_back(fmt::format("{} to {}", text::format_rate(*delivered), to));
  };
  look(description.delivered.read_bytes_per_s, 1, "one reader with read(2)");
  look(description.delivered.mmap_bytes_per_s, 1, "one reader through mmap");
  look(description.delivered.parallel_bytes_per_s, k_together, "four readers together");
  if (short_of.empty()) return "";
  std::string text = fmt::format("delivers {}", short_of[0]);
  for (std::size_t i = 1; i < short_of.size(); ++i) {
    text += (i + 1 == short_of.size() ? " and " : ", ") + short_of[i];
  }
  text += fmt::format(", asked {}", text::format_rate(pace.rate_bytes_per_s));
  if (pace.stream_bytes_per_s) {
    text += fmt::format(" and {} per stream", text::format_rate(*pace.stream_bytes_per_s));
  }
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
      k_times_in_flight * rate_for(pace, 1) * (seconds(pace.latency) + k_wake_up_s);
  std::uint64_t bytes = k_least;
  while (bytes < k_most && static_cast<double>(bytes) < needed) bytes *= 2;
  return bytes;
}

}  // namespace coldload::stand_in
