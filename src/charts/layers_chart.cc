// A picture of what each layer of cold adds to a start: one bar below the other, each from where
// the last one ended.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

#include "charts/colours.h"
#include "charts/comparison_charts.h"
#include "findings/layers.h"
#include "text/wording.h"

namespace coldload::charts {

namespace {

constexpr double k_bar = 18;
constexpr double k_name = 19;  // the line above a bar
constexpr double k_row = k_name + k_bar + 9;
constexpr double k_least_width = 1.5;  // of a bar that stands for hardly anything

struct Row {
  std::string name;
  std::string figure;
  double from_s = 0;
  double to_s = 0;
  std::string style;
  const findings::Mode* mode = nullptr;
};

const char* name_of(records::Layer layer) {
  switch (layer) {
    case records::Layer::warm:
      return "all in memory";
    case records::Layer::weights:
      return "weights on storage";
    case records::Layer::node:
      return "program on storage";
    case records::Layer::first:
      return "runtime caches empty";
  }
  return "";
}

std::vector<Row> rows_of(const findings::Comparison& comparison) {
  std::vector<Row> rows;
  for (const findings::LayersOfArm& layers : findings::layers_of(comparison)) {
    double reached_s = 0;
    for (const findings::MeasuredLayer& layer : layers.layers) {
      const double median_s = layer.mode->load_s->median;
      const bool is_first = &layer == &layers.layers.front();
      rows.push_back({fmt::format("{}, {}{}", comparison.arms[layers.arm].facts.label,
                                  is_first ? "" : "+ ", name_of(layer.layer)),
                      is_first ? text::in_seconds(median_s)
                               : fmt::format("{} = {}", text::signed_seconds(median_s - reached_s),
                                             text::in_seconds(median_s)),
                      is_first ? 0 : reached_s, median_s, arm_class(layers.arm), layer.mode});
      reached_s = median_s;
    }
  }
  return rows;
}

std::string drawn(const Row& row, double y, const svg::SecondsScale& scale, Place place) {
  constexpr double k_letter = 7.6;
  const double from = scale.x(std::min(row.from_s, row.to_s));
  const double width = std::max(scale.x(std::max(row.from_s, row.to_s)) - from, k_least_width);
  const auto room =
      static_cast<std::size_t>(std::max((svg::width_of(place) - svg::k_margin) / k_letter -
                                            static_cast<double>(row.figure.size() + 2),
                                        8.0));
  std::string out =
      fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"><tspan class=\"name\">{}: {}</tspan></text>\n",
                  svg::k_margin, y + 13, svg::escaped(svg::shortened(row.name, room)), row.figure);
  out += scale.grid(y + k_name - 2, y + k_name + k_bar + 4);
  out += fmt::format(
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
      row.style, from, y + k_name, width, k_bar);
  for (std::size_t i = 0; i < row.mode->values_s.size(); ++i) {
    constexpr std::size_t k_most_dots = 500;
    if (i >= k_most_dots) break;
    out += fmt::format(
        "<circle class=\"trial\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.6\"><title>run {}: {}</title>"
        "</circle>\n",
        scale.x(row.mode->values_s[i]), y + k_name + k_bar / 2, row.mode->trials[i]->run_id,
        text::in_seconds(row.mode->values_s[i]));
  }
  return out;
}

}  // namespace

std::string layers_chart(const findings::Comparison& comparison, Place place) {
  const std::vector<Row> rows = rows_of(comparison);
  double longest = 0;
  for (const Row& row : rows) longest = std::max({longest, row.to_s, row.mode->load_s->max});
  if (rows.empty() || longest <= 0) return "";
  const double bottom = svg::k_top + k_row * static_cast<double>(rows.size());
  const svg::SecondsScale scale(longest, place, svg::k_margin);
  const svg::Legend legend =
      svg::legend({{svg::Key::Mark::dot, "trial", "one run"}}, bottom + svg::k_axis, place);
  std::string out = svg::open(svg::width_of(place), bottom + svg::k_axis + legend.height + 4,
                              "What each layer of cold adds, by medians");
  out += scale.axis(bottom, "seconds from launch to ready");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += drawn(rows[i], svg::k_top + k_row * static_cast<double>(i), scale, place);
  }
  return out + legend.drawn + "</svg>\n";
}

}  // namespace coldload::charts
