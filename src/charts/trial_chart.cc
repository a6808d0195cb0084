// A picture of every trial.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "charts/comparison_charts.h"
#include "charts/svg.h"
#include "findings/subject.h"
#include "text/wording.h"

namespace coldload::charts {

namespace {

constexpr double k_row = 34;
constexpr std::size_t k_most_dots = 500;  // a row with more shows these, evenly taken

struct Row {
  const findings::Mode* mode;
  const char* style;  // a class of svg::open()
};

std::vector<Row> rows_of(const findings::Comparison& comparison) {
  std::vector<Row> rows;
  const auto add = [&rows](const findings::Mode& mode, const char* style) {
    if (mode.load_s) rows.push_back({&mode, style});
  };
  for (const findings::Arm& arm : comparison.arms) {
    add(arm.cold, "cold");
    add(arm.warm, "warm");
    for (const findings::Mode& mode : arm.other_modes) add(mode, "other");
  }
  return rows;
}

std::string dots(const findings::Comparison& comparison, const Row& row, double y,
                 const svg::SecondsScale& scale) {
  std::string out;
  const std::size_t step = (row.mode->trials.size() + k_most_dots - 1) / k_most_dots;
  for (std::size_t i = 0; i < row.mode->trials.size(); i += step) {
    const records::Trial& trial = *row.mode->trials[i];
    // Runs of nearly the same time lie side by side, in the order in which they were made.
    constexpr int k_lanes = 5;
    const double lane = static_cast<double>(static_cast<int>(i / step) % k_lanes) - 2;
    out += fmt::format(
        "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\" fill-opacity=\".8\"><title>run "
        "{}{}: {}</title></circle>\n",
        row.style, scale.x(row.mode->values_s[i]), y + lane * 3.2, trial.run_id,
        comparison.run_ids_repeat ? " of " + svg::escaped(trial.experiment->id) : "",
        text::in_seconds(row.mode->values_s[i]));
  }
  return out;
}

}  // namespace

std::string trial_chart(const findings::Comparison& comparison) {
  const std::vector<Row> rows = rows_of(comparison);
  double longest = 0;
  for (const Row& row : rows) longest = std::max(longest, row.mode->load_s->max);
  if (rows.empty() || longest <= 0) return "";
  const double bottom = svg::k_top + k_row * static_cast<double>(rows.size());
  const svg::SecondsScale scale(longest);
  std::string out =
      svg::open(svg::k_width, bottom + svg::k_axis, "Every trial, and each row's median");
  out += scale.axis(
      svg::k_top, bottom,
      findings::loads_only(comparison) ? "seconds of the load" : "seconds from launch to ready");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = svg::k_top + k_row * (static_cast<double>(i) + 0.5);
    const double middle = scale.x(rows[i].mode->load_s->median);
    out += svg::label(svg::k_left - 10, y + 4, "end", svg::shortened(rows[i].mode->label));
    out += dots(comparison, rows[i], y, scale);
    out += fmt::format("<path class=\"middle\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", middle, y - 12,
                       y + 12);
    out += svg::label(svg::k_width - svg::k_right + 12, y + 4, "start",
                      text::in_seconds(rows[i].mode->load_s->median));
  }
  return out + "</svg>\n";
}

}  // namespace coldload::charts
