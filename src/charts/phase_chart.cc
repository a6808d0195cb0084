// A picture of where the median trials' time went.
#include <algorithm>
#include <cstddef>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "charts/comparison_charts.h"
#include "charts/svg.h"
#include "findings/subject.h"
#include "text/wording.h"

namespace coldload::charts {

namespace {

constexpr double k_bar = 22;
constexpr double k_row = 34;
constexpr double k_legend_row = 20;
constexpr std::size_t k_legend_columns = 4;

struct Row {
  const findings::Mode* mode;
  const records::Trial* trial;
};

std::vector<Row> rows_of(const findings::Comparison& comparison) {
  std::vector<Row> rows;
  const auto add = [&rows](const findings::Mode& mode) {
    const records::Trial* trial = findings::median_trial(mode);
    if (trial != nullptr && !trial->phases.empty()) rows.push_back({&mode, trial});
  };
  for (const findings::Arm& arm : comparison.arms) {
    add(arm.cold);
    if (!findings::loads_only(comparison)) add(arm.warm);
  }
  return rows;
}

// A colour for each name, in the order of their first appearance.
using Colours = std::map<std::string_view, std::size_t>;

Colours colours_of(const std::vector<Row>& rows, std::vector<std::string>* names) {
  Colours colours;
  for (const Row& row : rows) {
    for (const records::TrialPhase& phase : row.trial->phases) {
      if (colours.emplace(phase.name, colours.size()).second) names->emplace_back(phase.name);
    }
  }
  return colours;
}

// The lane of each phase: the lowest that is free when it begins.
std::vector<std::size_t> lanes_of(const std::vector<records::TrialPhase>& phases) {
  constexpr double k_rounding_s = 1e-6;
  std::vector<double> free_from;
  std::vector<std::size_t> result;
  for (const records::TrialPhase& phase : phases) {
    const auto lane = std::find_if(free_from.begin(), free_from.end(), [&phase](double end_s) {
      return end_s <= phase.start_s + k_rounding_s;
    });
    result.push_back(static_cast<std::size_t>(lane - free_from.begin()));
    if (lane == free_from.end()) {
      free_from.push_back(phase.end_s);
    } else {
      *lane = phase.end_s;
    }
  }
  return result;
}

std::string bars(const Row& row, double y, const svg::SecondsScale& scale, const Colours& colours) {
  std::vector<records::TrialPhase> phases(row.trial->phases.begin(), row.trial->phases.end());
  std::stable_sort(phases.begin(), phases.end(),
                   [](const auto& a, const auto& b) { return a.start_s < b.start_s; });
  const std::vector<std::size_t> lane = lanes_of(phases);
  const std::size_t lanes = 1 + *std::max_element(lane.begin(), lane.end());
  const double height = k_bar / static_cast<double>(lanes);
  std::string out = fmt::format(
      "<rect class=\"whole\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
      svg::k_left, y, scale.x(*row.trial->load_s) - svg::k_left, k_bar);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const double from = scale.x(phases[i].start_s);
    out += fmt::format(
        "<rect class=\"p{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
        "<title>{}: {}</title></rect>\n",
        colours.at(phases[i].name) % svg::k_colours, from,
        y + height * static_cast<double>(lane[i]), scale.x(phases[i].end_s) - from, height,
        svg::escaped(phases[i].name), text::in_seconds(phases[i].end_s - phases[i].start_s));
  }
  return out;
}

std::string legend(const std::vector<std::string>& names, double top) {
  std::string out;
  const double column = (svg::k_width - svg::k_left) / static_cast<double>(k_legend_columns);
  for (std::size_t i = 0; i <= names.size(); ++i) {
    const std::size_t row = i / k_legend_columns;
    const double x = svg::k_left + column * static_cast<double>(i % k_legend_columns);
    const double y = top + k_legend_row * static_cast<double>(row);
    const bool is_rest = i == names.size();
    out +=
        fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"12\"/>\n",
                    is_rest ? "whole" : fmt::format("p{}", i % svg::k_colours), x, y);
    out += svg::label(x + 18, y + 10, "start", is_rest ? "unattributed" : names[i]);
  }
  return out;
}

}  // namespace

std::string phase_chart(const findings::Comparison& comparison) {
  const std::vector<Row> rows = rows_of(comparison);
  double longest = 0;
  for (const Row& row : rows) longest = std::max(longest, *row.trial->load_s);
  if (rows.empty() || longest <= 0) return "";
  std::vector<std::string> names;
  const Colours colours = colours_of(rows, &names);
  const std::size_t legend_rows = names.size() / k_legend_columns + 1;
  const double bottom = svg::k_top + k_row * static_cast<double>(rows.size());
  const double height = bottom + svg::k_axis + k_legend_row * static_cast<double>(legend_rows);
  const svg::SecondsScale scale(longest);
  std::string out = svg::open(svg::k_width, height, "Phases of the median trials");
  out += scale.axis(svg::k_top, bottom, "seconds since launch");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = svg::k_top + k_row * static_cast<double>(i) + (k_row - k_bar) / 2;
    out += svg::label(svg::k_left - 10, y + 15, "end", svg::shortened(rows[i].mode->label));
    out += bars(rows[i], y, scale, colours);
    out += svg::label(svg::k_width - svg::k_right + 12, y + 15, "start",
                      text::in_seconds(*rows[i].trial->load_s));
  }
  return out + legend(names, bottom + svg::k_axis) + "</svg>\n";
}

}  // namespace coldload::charts
