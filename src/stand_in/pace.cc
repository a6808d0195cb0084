#include "stand_in/pace.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include <boost/algorithm/string/split.hpp>
#include <fmt/format.h>

#include "os/error.h"
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
constexpr std::string_view k_per_client = "/client";

bool take_suffix(std::string_view* text, std::string_view suffix) {
  if (text->size() <= suffix.size() || !text->ends_with(suffix)) return false;
  text->remove_suffix(suffix.size());
  return true;
}

std::string preset_names() {
  std::string names;
  for (const Preset& preset : k_presets) {
    names += (names.empty() ? "" : ", ") + std::string(preset.name);
  }
  return names;
}

const Preset* find_preset(std::string_view name) {
  const auto* found = std::find_if(k_presets.begin(), k_presets.end(),
                                   [name](const auto& preset) { return preset.name == name; });
  return found == k_presets.end() ? nullptr : found;
}

void check_rate(double rate, const char* what) {
  if (rate >= k_least_rate && rate <= k_greatest_rate) return;
  throw os::Error(
      fmt::format("a stand-in cannot have a rate of {} bytes per second{}: give "
                  "100kB/s to 100GB/s, with the unit, as in 250MB/s",
                  rate, what));
}

// "60MB/s" of "60MB/s/stream". Returns what is wrong with it.
std::string read_rate(std::string_view figure, const char* of_what, std::optional<double>* rate) {
  if (*rate) return fmt::format("it has more than one rate per {}", of_what);
  *rate = text::parse_rate(figure);
  return *rate ? "" : fmt::format("\"{}\" is not a rate above zero", figure);
}

// A third or later part: "3000iops", "3000", "60MB/s/stream" or "60MB/s/client". Likewise.
std::string read_limit(std::string_view part, Pace* pace) {
  std::string_view figure = part;
  if (take_suffix(&figure, k_per_stream)) {
    return read_rate(figure, "stream", &pace->stream_bytes_per_s);
  }
  if (take_suffix(&figure, k_per_client)) {
    return read_rate(figure, "client", &pace->client_bytes_per_s);
  }
  if (pace->requests_per_s) return "it has more than one number of requests per second";
  take_suffix(&figure, "iops");
  const auto requests = text::parse_size(figure);
  if (!requests || *requests == 0) {
    return fmt::format(
        "\"{}\" is not a number of requests per second, nor a rate per stream or client", part);
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

void check_pace(const Pace& pace) {
  check_rate(pace.rate_bytes_per_s, "");
  if (pace.stream_bytes_per_s) check_rate(*pace.stream_bytes_per_s, " for each stream");
  if (pace.client_bytes_per_s) check_rate(*pace.client_bytes_per_s, " for each client");
  if (latency_s_of(pace) > k_greatest_latency_s || pace.latency.count() < 0) {
    throw os::Error(fmt::format(
        "a stand-in cannot have a latency of {} s: give 0 to 10 s, with the unit, as in 1ms",
        latency_s_of(pace)));
  }
  if (pace.requests_per_s && !(*pace.requests_per_s >= k_least_requests_per_s)) {
    throw os::Error(
        "a stand-in cannot serve less than 1 request per second: give --iops 1 or more");
  }
}

Pace parse_pace(std::string_view text) {
  if (find_preset(text) != nullptr) return preset_pace(text);
  std::vector<std::string> parts;
  boost::algorithm::split(parts, text, [](char c) { return c == ','; });
  const auto refuse = [text](const std::string& cause) {
    return os::Error(
        fmt::format("cannot read the stand-in \"{}\": {}; write RATE,LATENCY as in 250MB/s,1ms, or "
                    "a preset ({})",
                    text, cause, preset_names()));
  };
  Pace pace;
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

Pace preset_pace(std::string_view name) {
  const Preset* preset = find_preset(name);
  if (preset == nullptr) {
    throw os::Error(fmt::format("no preset is named \"{}\": there are {}", name, preset_names()));
  }
  Pace pace = parse_pace(preset->spec);
  pace.preset = preset->name;
  return pace;
}

double latency_s_of(const Pace& pace) {
  return std::chrono::duration<double>(pace.latency).count();
}

double rate_for(const Pace& pace, unsigned readers) {
  const double rate =
      std::min(pace.rate_bytes_per_s, pace.client_bytes_per_s.value_or(pace.rate_bytes_per_s));
  return pace.stream_bytes_per_s ? std::min(rate, readers * *pace.stream_bytes_per_s) : rate;
}

std::uint64_t needed_readahead(const Pace& pace) {
  constexpr std::uint64_t k_least = 1ULL << 20;
  constexpr std::uint64_t k_most = 16ULL << 20;
  constexpr double k_times_in_flight = 4;
  // A reader that is not put back on a processor at once must not find the line idle.
  constexpr double k_wake_up_s = 0.003;
  const double needed = k_times_in_flight * rate_for(pace, 1) * (latency_s_of(pace) + k_wake_up_s);
  return std::clamp(std::bit_ceil(static_cast<std::uint64_t>(std::ceil(needed))), k_least, k_most);
}

std::string to_string(const Pace& pace) {
  std::string text = text::format_rate(pace.rate_bytes_per_s);
  text += fmt::format(", {:g} ms latency", latency_s_of(pace) * 1e3);
  if (pace.requests_per_s) text += fmt::format(", {:g} requests/s", *pace.requests_per_s);
  if (pace.stream_bytes_per_s) {
    text += fmt::format(", {} per stream", text::format_rate(*pace.stream_bytes_per_s));
  }
  if (pace.client_bytes_per_s) {
    text += fmt::format(", {} per client", text::format_rate(*pace.client_bytes_per_s));
  }
  if (!pace.preset.empty()) text += fmt::format(" (the model {})", pace.preset);
  return text;
}

std::string spec_of(const Pace& pace) {
  std::string text = rate_spec(pace.rate_bytes_per_s) + "," + time_spec(pace.latency);
  if (pace.requests_per_s) text += fmt::format(",{}iops", *pace.requests_per_s);
  if (pace.stream_bytes_per_s) {
    text += "," + rate_spec(*pace.stream_bytes_per_s) + std::string(k_per_stream);
  }
  if (pace.client_bytes_per_s) {
    text += "," + rate_spec(*pace.client_bytes_per_s) + std::string(k_per_client);
  }
  return text;
}

}  // namespace coldload::stand_in
