#include "text/fitted.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "text/escape.h"

namespace coldload::text {

namespace {

// Bytes of the first character, be it none.
std::size_t step_of(std::string_view text) { return std::max<std::size_t>(utf8_length(text), 1); }

// Appends one line.
void wrap(std::string_view line, std::size_t indent, std::size_t width, std::string* out) {
  std::size_t room = width;
  while (characters_in(line) > room) {
    const std::size_t first_word = line.find_first_not_of(' ');
    std::size_t cut = line.rfind(' ', cut_to(line, room).size());
    if (cut == std::string_view::npos || cut < first_word) cut = line.find(' ', first_word);
    if (cut == std::string_view::npos) break;
    out->append(line.substr(0, cut)).append(1, '\n').append(indent, ' ');
    line.remove_prefix(cut + 1);
    room = width - std::min(indent, width);
  }
  out->append(line);
}

}  // namespace

std::size_t characters_in(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); text.remove_prefix(step_of(text))) ++count;
  return count;
}

std::string cut_to(std::string_view text, std::size_t width) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < width && bytes < text.size(); ++i) {
    bytes += step_of(text.substr(bytes));
  }
  return std::string(text.substr(0, bytes));
}

std::string fitted_line(std::vector<LinePart> parts, std::size_t width) {
  const auto all = [&parts] {
    std::string line;
    for (const LinePart& part : parts) line += part.text;
    return line;
  };
  std::string line = all();
  while (parts.size() > 1 && characters_in(line) > width) {
    const auto least = std::max_element(
        parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
    if (least->rank == 0) break;
    parts.erase(least);
    line = all();
  }
  return cut_to(line, width);
}

std::string wrapped_lines(std::string_view lines, std::size_t indent, std::size_t width) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    wrap(lines.substr(0, end), indent, width, &out);
    if (end < lines.size()) out += '\n';
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return out;
}

std::string waiting_time(double seconds) {
  constexpr double k_minute = 60;
  constexpr double k_hour = 3600;
  if (seconds < 1.5 * k_minute) return fmt::format("{:.0f} s", std::ceil(seconds));
  if (seconds < k_hour) return fmt::format("{:.0f} min", std::ceil(seconds / k_minute));
  const double minutes = std::ceil(seconds / k_minute);
  const double hours = std::floor(minutes / k_minute);
  constexpr double k_many_hours = 100;
  if (hours >= k_many_hours) return fmt::format("{:.0f} h", hours);
  return fmt::format("{:.0f} h {:.0f} min", hours, minutes - hours * k_minute);
}

}  // namespace coldload::text
