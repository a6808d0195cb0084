#include "charts/rate_chart.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "charts/svg.h"
#include "text/units.h"

namespace coldload::charts {

namespace {

constexpr double k_width = 560;
constexpr double k_height = 320;
constexpr double k_left = 84;
constexpr double k_right = 20;
constexpr double k_top = 46;
constexpr double k_bottom = 50;

// Places of the plot in the picture's units.
struct Scale {
  double least_log2 = 0;
  double most_log2 = 1;
  double most_rate = 1;

  [[nodiscard]] double x(unsigned in_flight) const {
    const double span = std::max(most_log2 - least_log2, 1.0);
    const double at = (std::log2(static_cast<double>(in_flight)) - least_log2) / span;
    return k_left + at * (k_width - k_left - k_right);
  }
  [[nodiscard]] double y(double rate) const {
    return k_height - k_bottom - rate / most_rate * (k_height - k_top - k_bottom);
  }
};

std::string axes(const Scale& scale, double step, const std::vector<storage::LevelRate>& levels) {
  std::string out;
  for (int i = 0; step * i <= scale.most_rate * 1.0001; ++i) {
    const double y = scale.y(step * i);
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", k_left, y,
                       k_width - k_right);
    out += svg::label(k_left - 8, y + 4, "end", i == 0 ? "0" : text::format_rate(step * i));
  }
  for (const storage::LevelRate& level : levels) {
    out += svg::label(scale.x(level.in_flight), k_height - k_bottom + 18, "middle",
                      fmt::format("{}", level.in_flight));
  }
  out += svg::label((k_left + k_width - k_right) / 2, k_height - 12, "middle",
                    "requests of 2 MiB in flight");
  return out + svg::label(k_left, k_top - 12, "start", "read rate");
}

std::string curve(const Scale& scale, const std::vector<storage::LevelRate>& levels) {
  std::string path;
  std::string marks;
  for (const storage::LevelRate& level : levels) {
    const double x = scale.x(level.in_flight);
    const double y = scale.y(*level.rate.bytes_per_s);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x, y);
    marks += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"><title>{}: {}</title>"
        "</circle>\n",
        x, y, level.in_flight, text::format_rate(*level.rate.bytes_per_s));
  }
  return fmt::format("<path class=\"curve\" d=\"{}\"/>\n{}", path, marks);
}

// Where the curve passes, every few units from `left` on.
std::vector<double> heights_from(double left, const Scale& scale,
                                 const std::vector<storage::LevelRate>& levels) {
  constexpr int k_steps = 64;
  std::vector<double> heights;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const storage::LevelRate& from = levels[i];
    const storage::LevelRate& to = levels[std::min(i + 1, levels.size() - 1)];
    for (int step = 0; step < k_steps; ++step) {
      const double share = static_cast<double>(step) / k_steps;
      const double x = std::lerp(scale.x(from.in_flight), scale.x(to.in_flight), share);
      if (x < left) continue;
      heights.push_back(
          std::lerp(scale.y(*from.rate.bytes_per_s), scale.y(*to.rate.bytes_per_s), share));
    }
  }
  return heights;
}

// Above the line, or below it where the curve is less in the way and the axis is not.
double label_height(double line, const std::vector<double>& curve) {
  constexpr double k_text = 20;  // with the room around it
  const auto in_the_way = [&](double top, double bottom) {
    return std::count_if(curve.begin(), curve.end(),
                         [&](double y) { return y > top && y < bottom; });
  };
  const bool room_below = line + k_text < k_height - k_bottom;
  const bool below =
      room_below && in_the_way(line, line + k_text) < in_the_way(line - k_text, line);
  return below ? line + 14 : line - 6;
}

// One buffered reader, as a level line: it has no place on the axis of requests.
std::string reader_line(const Scale& scale, const std::vector<storage::LevelRate>& levels,
                        double rate) {
  constexpr double k_label_width = 240;
  const double y = scale.y(rate);
  const std::vector<double> curve = heights_from(k_width - k_right - k_label_width, scale, levels);
  return fmt::format("<path class=\"reader\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", k_left, y,
                     k_width - k_right) +
         svg::label(k_width - k_right, label_height(y, curve), "end",
                    "one reader with readahead: " + text::format_rate(rate));
}

}  // namespace

std::string rate_chart(const storage::ReadFigures& figures, const std::string& subject) {
  std::vector<storage::LevelRate> levels = figures.levels;
  std::erase_if(levels, [](const storage::LevelRate& level) {
    return !level.rate.bytes_per_s || level.in_flight == 0;
  });
  std::string out = svg::open(k_width, k_height, "Read rate of " + subject);
  if (levels.empty()) {
    return out + svg::label(k_width / 2, k_height / 2, "middle", "not measured") + "</svg>\n";
  }
  double most = figures.sequential.bytes_per_s.value_or(0);
  for (const storage::LevelRate& level : levels) most = std::max(most, *level.rate.bytes_per_s);
  const double step = svg::step_for(most);
  Scale scale;
  scale.least_log2 = std::log2(static_cast<double>(levels.front().in_flight));
  scale.most_log2 = std::log2(static_cast<double>(levels.back().in_flight));
  scale.most_rate = step * std::ceil(most / step);
  out += axes(scale, step, levels) + curve(scale, levels);
  if (figures.sequential.bytes_per_s) {
    out += reader_line(scale, levels, *figures.sequential.bytes_per_s);
  }
  return out + "</svg>\n";
}

}  // namespace coldload::charts
