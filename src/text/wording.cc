#include "text/wording.h"

#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "text/units.h"

namespace coldload::text {

namespace {

constexpr double k_shown_in_ms_below_s = 0.0995;
constexpr double k_least_multiple = 1.1;

bool in_ms(double seconds) { return std::abs(seconds) < k_shown_in_ms_below_s; }

std::string number(double seconds) {
  return in_ms(seconds) ? fmt::format("{:.1f}", seconds * 1e3) : format_seconds(seconds);
}

const char* unit(double seconds) { return in_ms(seconds) ? " ms" : " s"; }

}  // namespace

std::string in_seconds(double seconds) {
  constexpr double k_told_in_minutes_s = 1000;
  const double rounded = std::round(std::abs(seconds));
  if (!(rounded >= k_told_in_minutes_s) || rounded > 1e9) return number(seconds) + unit(seconds);
  const auto whole = static_cast<std::uint64_t>(rounded);
  const char* const sign = seconds < 0 ? "-" : "";
  const std::uint64_t minutes = (whole + 30) / 60;
  if (minutes < 60) return fmt::format("{}{} min {} s", sign, whole / 60, whole % 60);
  return fmt::format("{}{} h {} min", sign, minutes / 60, minutes % 60);
}

std::string seconds_range(double low, double high) {
  // A minus sign next to a dash reads badly.
  const char* between = low < 0 || high < 0 ? " to " : "-";
  const std::string first = in_seconds(low);
  const std::string last = in_seconds(high);
  // "20.6-22.9 s": a plain unit is said once.
  const bool one_unit = in_ms(low) == in_ms(high) && first == number(low) + unit(low) &&
                        last == number(high) + unit(high);
  return (one_unit ? number(low) : first) + between + last;
}

std::string signed_seconds(double seconds) {
  return (seconds < 0 ? "" : "+") + in_seconds(seconds);
}

std::string in_times(double ratio) { return three_digits(ratio); }

std::string longer_by(double ratio) {
  return ratio >= k_least_multiple ? in_times(ratio) + " times as long"
                                   : percent(ratio - 1) + " longer";
}

std::string longer_than(double ratio) {
  return longer_by(ratio) + (ratio >= k_least_multiple ? " as" : " than");
}

std::string percent(double share) {
  const double value = share * 100;
  if (std::abs(value) < 0.005) return "0 %";
  if (std::abs(value) < 0.995) return fmt::format("{:.2f} %", value);
  if (std::abs(value) < 9.95) return fmt::format("{:.1f} %", value);
  return fmt::format("{:.0f} %", value);
}

std::string p_text(double p) {
  if (p < 0.001) return "p < 0.001";
  if (p < 0.0995) return fmt::format("p = {:.3f}", p);
  return fmt::format("p = {:.2f}", p);
}

std::string runs(std::size_t n) { return n == 1 ? "one run" : fmt::format("{} runs", n); }

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t index = 0; index < words.size(); ++index) {
    if (index > 0) out += index + 1 == words.size() ? " and " : ", ";
    out += words[index];
  }
  return out;
}

std::string code_block(const std::string& lines, std::string_view language) {
  std::string fence = "```";
  while (lines.find(fence) != std::string::npos) fence += '`';
  return fmt::format("{}{}\n{}{}\n", fence, language, lines, fence);
}

std::string sentence(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  if (!text.empty() && text.back() != '.' && text.back() != '!' && text.back() != '?') text += '.';
  return text;
}

}  // namespace coldload::text
