#include "text/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

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
  double factor;
  std::vector<std::string_view> names;
};

std::optional<double> factor_of(std::string_view name, const std::vector<Unit>& units) {
  for (const Unit& unit : units) {
    const auto found = std::find(unit.names.begin(), unit.names.end(), name);
    if (found != unit.names.end()) return unit.factor;
  }
  return std::nullopt;
}

constexpr double k_kib = 1024.0;
constexpr double k_mib = 1024.0 * k_kib;
constexpr double k_gib = 1024.0 * k_mib;
constexpr double k_tib = 1024.0 * k_gib;

const std::vector<Unit> k_size_units{
    {1, {"", "B"}},
    {1e3, {"kB", "KB"}},
    {1e6, {"MB"}},
    {1e9, {"GB"}},
    {1e12, {"TB"}},
    {k_kib, {"k", "K", "Ki", "kiB", "KiB"}},
    {k_mib, {"m", "M", "Mi", "MiB"}},
    {k_gib, {"g", "G", "Gi", "GiB"}},
    {k_tib, {"t", "T", "Ti", "TiB"}},
};

const std::vector<Unit> k_bit_units{
    {0.125, {"bit", "b"}},   {125, {"kbit", "Kbit", "kb", "Kb"}},
    {125e3, {"Mbit", "Mb"}}, {125e6, {"Gbit", "Gb"}},
    {125e9, {"Tbit", "Tb"}},
};

const std::vector<Unit> k_time_units{
    {1, {"ns"}}, {1e3, {"us"}}, {1e6, {"ms"}}, {1e9, {"", "s"}}, {60e9, {"m"}}, {3600e9, {"h"}},
};

// The whole number of units of factor 1 that is nearest.
std::optional<std::int64_t> whole_amount(std::string_view text, const std::vector<Unit>& units) {
  const auto number = leading_number(text);
  const auto factor = number ? factor_of(number->suffix, units) : std::nullopt;
  if (!factor) return std::nullopt;
  const double amount = std::round(number->value * *factor);
  constexpr double k_too_large = 9.2e18;
  if (!(amount < k_too_large)) return std::nullopt;
  return static_cast<std::int64_t>(amount);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto bytes = whole_amount(text, k_size_units);
  return bytes ? std::optional<std::uint64_t>(*bytes) : std::nullopt;
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
  if (unit.ends_with("/s")) unit.remove_suffix(2);
  if (unit.ends_with("ps")) unit.remove_suffix(2);
  auto factor = factor_of(unit, k_bit_units);
  if (!factor) factor = factor_of(unit, k_size_units);
  if (!factor) return std::nullopt;
  const double rate = number->value * *factor;
  if (!(rate > 0) || !std::isfinite(rate)) return std::nullopt;
  return rate;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto nanoseconds = whole_amount(text, k_time_units);
  return nanoseconds ? std::optional(std::chrono::nanoseconds(*nanoseconds)) : std::nullopt;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::pair<double, const char*>, 4> k_steps{
      {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}};
  const auto value = static_cast<double>(bytes);
  for (const auto& [factor, name] : k_steps) {
    if (value < factor * 0.9995) continue;
    return fmt::format("{} {}", three_digits(value / factor), name);
  }
  return fmt::format("{} B", bytes);
}

std::string format_rate(double bytes_per_s) {
  return format_bytes(static_cast<std::uint64_t>(std::llround(std::max(bytes_per_s, 0.0)))) + "/s";
}

std::string three_digits(double value) {
  if (std::abs(value) < 9.995) return fmt::format("{:.2f}", value);
  if (std::abs(value) < 99.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

std::string format_seconds(double seconds) { return three_digits(seconds); }

}  // namespace coldload::text
