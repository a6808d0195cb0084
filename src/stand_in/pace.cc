#include "stand_in/pace.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "os/error.h"
#include "stand_in/presets.h"
#include "text/units.h"

namespace coldload::stand_in {

namespace {

// Below this a single page takes too long for anything to be measured by.
constexpr double k_least_rate = 100e3;
// Above this, time stamps of a nanosecond and a memory copy are the limit.
constexpr double k_greatest_rate = 100e9;
constexpr double k_greatest_latency_s = 10;
constexpr double k_least_requests_per_s = 1;
constexpr std::string_view k_per_stream = "/stream";

std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

bool take_suffix(std::string_view* text, std::string_view suffix) {
  if (text->size() <= suffix.size() || text->substr(text->size() - suffix.size()) != suffix) {
    return false;
  }
  text->remove_suffix(suffix.size());
  return true;
}

double in_seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string preset_names() {
  std::string names;
  for (const StandInPreset& preset : k_stand_in_presets) {
    names += (names.empty() ? "" : ", ") + std::string(preset.name);
  }
  return names;
}

const StandInPreset* find_preset(std::string_view name) {
  const auto* found = std::find_if(k_stand_in_presets.begin(), k_stand_in_presets.end(),
                                   [name](const auto& preset) { return preset.name == name; });
  return found == k_stand_in_presets.end() ? nullptr : found;
}

void check_rate(double rate, const char* what) {
  if (rate >= k_least_rate && rate <= k_greatest_rate) return;
  throw os::Error(
      fmt::format("a stand-in cannot have a rate of {} bytes per second{}: give "
                  "100kB/s to 100GB/s, with the unit, as in 250MB/s",
                  rate, what));
}

// A third or later part: "3000iops", "3000" or "60MB/s/stream". Returns what is wrong with it.
std::string read_limit(std::string_view part, StandInPace* pace) {
  std::string_view figure = part;
  if (take_suffix(&figure, k_per_stream)) {
    if (pace->stream_bytes_per_s) return "it has more than one rate per stream";
    pace->stream_bytes_per_s = text::parse_rate(figure);
    return pace->stream_bytes_per_s ? "" : fmt::format("\"{}\" is not a rate above zero", figure);
  }
  if (pace->requests_per_s) return "it has more than one number of requests per second";
  take_suffix(&figure, "iops");
  const auto requests = text::parse_size(figure);
  if (!requests || *requests == 0) {
    return fmt::format("\"{}\" is not a number of requests per second, nor a rate per stream",
                       part);
  }
  pace->requests_per_s = static_cast<double>(*requests);
  return "";
}

std::string rate_spec(double bytes_per_s) {
  constexpr double k_mb = 1e6;
  constexpr double k_mib = 1048576;
  if (std::fmod(bytes_per_s, k_mb) == 0) return fmt::format("{}MB/s", bytes_per_s / k_mb);
  if (std::fmod(bytes_per_s, k_mib) == 0) return fmt::format("{}MiB/s", bytes_per_s / k_mib);
  return fmt::format("{}B/s", bytes_per_s);
}

std::string time_spec(std::chrono::nanoseconds time) {
  constexpr std::int64_t k_ns_per_ms = 1'000'000;
  constexpr std::int64_t k_ns_per_us = 1'000;
  const std::int64_t ns = time.count();
  if (ns % k_ns_per_ms == 0) return fmt::format("{}ms", ns / k_ns_per_ms);
  if (ns % k_ns_per_us == 0) return fmt::format("{}us", ns / k_ns_per_us);
  return fmt::format("{}ns", ns);
}

}  // namespace

void check_pace(const StandInPace& pace) {
  check_rate(pace.rate_bytes_per_s, "");
  if (pace.stream_bytes_per_s) check_rate(*pace.stream_bytes_per_s, " for each stream");
  if (in_seconds(pace.latency) > k_greatest_latency_s || pace.latency.count() < 0) {
    throw os::Error(fmt::format(
        "a stand-in cannot have a latency of {} s: give 0 to 10 s, with the unit, as in 1ms",
        in_seconds(pace.latency)));
  }
  if (pace.requests_per_s && !(*pace.requests_per_s >= k_least_requests_per_s)) {
    throw os::Error(
        "a stand-in cannot serve less than 1 request per second: give --iops 1 or more");
  }
}

StandInPace parse_stand_in(std::string_view text) {
  if (find_preset(text) != nullptr) return preset_pace(text);
  const auto parts = split_at_commas(text);
  const auto refuse = [text](const std::string& cause) {
    return os::Error(
        fmt::format("cannot read the stand-in \"{}\": {}; write RATE,LATENCY as in 250MB/s,1ms, or "
                    "a preset ({})",
                    text, cause, preset_names()));
  };
  StandInPace pace;
  const auto rate = text::parse_rate(parts[0]);
  if (!rate) throw refuse(fmt::format("\"{}\" is not a rate above zero", parts[0]));
  pace.rate_bytes_per_s = *rate;
  if (parts.size() > 1) {
    const auto latency = text::parse_duration(parts[1]);
    if (!latency) throw refuse(fmt::format("\"{}\" is not a time", parts[1]));
    pace.latency = *latency;
  }
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const std::string wrong = read_limit(parts[i], &pace);
    if (!wrong.empty()) throw refuse(wrong);
  }
  check_pace(pace);
  return pace;
}

StandInPace preset_pace(std::string_view name) {
  const StandInPreset* preset = find_preset(name);
  if (preset == nullptr) {
    throw os::Error(fmt::format("no preset is named \"{}\": there are {}", name, preset_names()));
  }
  StandInPace pace = parse_stand_in(preset->spec);
  pace.preset = preset->name;
  return pace;
}

double rate_for(const StandInPace& pace, unsigned readers) {
  if (!pace.stream_bytes_per_s) return pace.rate_bytes_per_s;
  return std::min(pace.rate_bytes_per_s, readers * *pace.stream_bytes_per_s);
}

std::string to_string(const StandInPace& pace) {
  std::string text = text::format_rate(pace.rate_bytes_per_s);
  text += fmt::format(", {:g} ms latency", in_seconds(pace.latency) * 1e3);
  if (pace.requests_per_s) text += fmt::format(", {:g} requests/s", *pace.requests_per_s);
  if (pace.stream_bytes_per_s) {
    text += fmt::format(", {} per stream", text::format_rate(*pace.stream_bytes_per_s));
  }
  if (!pace.preset.empty()) text += fmt::format(" (the model {})", pace.preset);
  return text;
}

std::string spec_of(const StandInPace& pace) {
  std::string text = rate_spec(pace.rate_bytes_per_s) + "," + time_spec(pace.latency);
  if (pace.requests_per_s) text += fmt::format(",{}iops", *pace.requests_per_s);
  if (pace.stream_bytes_per_s) {
    text += "," + rate_spec(*pace.stream_bytes_per_s) + std::string(k_per_stream);
  }
  return text;
}

}  // namespace coldload::stand_in
