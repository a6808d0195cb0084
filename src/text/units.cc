#include "text/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace coldload::text {

namespace {

struct Number {
  double value;
  std::string_view suffix;
};

// A plain decimal number, no sign, no exponent, no hexadecimal, then the rest without blanks.
std::optional<Number> leading_number(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + end, value);
  if (end == 0 || error != std::errc() || stop != text.data() + end) return std::nullopt;
  while (end < text.size() && text[end] == ' ') ++end;
  return Number{value, text.substr(end)};
}

struct Unit {
  std::string_view name;
  double factor;
};

std::optional<double> factor_of(std::string_view name, const Unit* begin, const Unit* end) {
  for (const Unit* unit = begin; unit != end; ++unit) {
    if (unit->name == name) return unit->factor;
  }
  return std::nullopt;
}

constexpr double k_kib = 1024.0;

constexpr std::array<Unit, 24> k_size_units{{
    {"", 1},
    {"B", 1},
    {"kB", 1e3},
    {"KB", 1e3},
    {"MB", 1e6},
    {"GB", 1e9},
    {"TB", 1e12},
    {"KiB", k_kib},
    {"kiB", k_kib},
    {"MiB", k_kib* k_kib},
    {"GiB", k_kib* k_kib* k_kib},
    {"TiB", k_kib* k_kib* k_kib* k_kib},
    {"k", k_kib},
    {"K", k_kib},
    {"m", k_kib* k_kib},
    {"M", k_kib* k_kib},
    {"g", k_kib* k_kib* k_kib},
    {"G", k_kib* k_kib* k_kib},
    {"t", k_kib* k_kib* k_kib* k_kib},
    {"T", k_kib* k_kib* k_kib* k_kib},
    {"Ki", k_kib},
    {"Mi", k_kib* k_kib},
    {"Gi", k_kib* k_kib* k_kib},
    {"Ti", k_kib* k_kib* k_kib* k_kib},
}};

constexpr std::array<Unit, 12> k_bit_units{{
    {"bit", 0.125},
    {"kbit", 125},
    {"Kbit", 125},
    {"Mbit", 125e3},
    {"Gbit", 125e6},
    {"Tbit", 125e9},
    {"b", 0.125},
    {"kb", 125},
    {"Kb", 125},
    {"Mb", 125e3},
    {"Gb", 125e6},
    {"Tb", 125e9},
}};

constexpr std::array<Unit, 7> k_time_units{{
    {"", 1e9},
    {"s", 1e9},
    {"ms", 1e6},
    {"us", 1e3},
    {"ns", 1},
    {"m", 60e9},
    {"h", 3600e9},
}};

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto number = leading_number(text);
  if (!number) return std::nullopt;
  const auto factor =
      factor_of(number->suffix, k_size_units.data(), k_size_units.data() + k_size_units.size());
  if (!factor) return std::nullopt;
  const double bytes = std::round(number->value * *factor);
  constexpr double k_too_large = 9.2e18;
  if (!(bytes < k_too_large)) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::optional<double> parse_share(std::string_view text) {
  const auto number = leading_number(text);
  if (!number || !(number->value >= 0) || !std::isfinite(number->value)) return std::nullopt;
  if (number->suffix == "%") return number->value / 100;
  return number->suffix.empty() ? std::optional(number->value) : std::nullopt;
}

std::optional<double> parse_rate(std::string_view text) {
  const auto number = leading_number(text);
  if (!number) return std::nullopt;
  std::string_view unit = number->suffix;
  if (ends_with(unit, "/s")) unit.remove_suffix(2);
  if (ends_with(unit, "ps")) unit.remove_suffix(2);
  auto factor = factor_of(unit, k_bit_units.data(), k_bit_units.data() + k_bit_units.size());
  if (!factor) {
    factor = factor_of(unit, k_size_units.data(), k_size_units.data() + k_size_units.size());
  }
  if (!factor) return std::nullopt;
  const double rate = number->value * *factor;
  if (!(rate > 0) || !std::isfinite(rate)) return std::nullopt;
  return rate;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto number = leading_number(text);
  if (!number) return std::nullopt;
  const auto factor =
      factor_of(number->suffix, k_time_units.data(), k_time_units.data() + k_time_units.size());
  if (!factor) return std::nullopt;
  const double nanoseconds = std::round(number->value * *factor);
  constexpr double k_too_long = 9.2e18;
  if (!(nanoseconds < k_too_long)) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds));
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::pair<double, const char*>, 4> k_steps{
      {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}};
  const auto value = static_cast<double>(bytes);
  for (const auto& [factor, name] : k_steps) {
    if (value < factor * 0.9995) continue;
    const double scaled = value / factor;
    if (scaled < 9.995) return fmt::format("{:.2f} {}", scaled, name);
    if (scaled < 99.95) return fmt::format("{:.1f} {}", scaled, name);
    return fmt::format("{:.0f} {}", scaled, name);
  }
  return fmt::format("{} B", bytes);
}

std::string format_rate(double bytes_per_s) {
  return format_bytes(static_cast<std::uint64_t>(std::llround(std::max(bytes_per_s, 0.0)))) + "/s";
}

std::string format_seconds(double seconds) {
  if (std::abs(seconds) < 9.995) return fmt::format("{:.2f}", seconds);
  if (std::abs(seconds) < 99.95) return fmt::format("{:.1f}", seconds);
  return fmt::format("{:.0f}", seconds);
}

}  // namespace coldload::text
