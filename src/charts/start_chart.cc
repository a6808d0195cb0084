// A picture of every start, and of where the median ones' time went.
#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "charts/colours.h"
#include "charts/comparison_charts.h"
#include "findings/subject.h"
#include "text/wording.h"

namespace coldload::charts {

namespace {

constexpr double k_bar = 18;
constexpr double k_name = 19;  // the line above a bar
constexpr double k_row = k_name + k_bar + 9;
constexpr std::size_t k_most_dots = 500;  // a row with more shows these, evenly taken

struct Row {
  const findings::Mode* mode;
  std::string arm;    // the class of its colour
  const char* state;  // of its trials: "cold", "warm"
};

const char* state_of(const findings::Arm& arm, const findings::Mode& mode) {
  if (findings::is_after_copy(arm, mode)) return "after the copy";
  const auto layer = findings::layer_of(mode);
  if (layer == records::Layer::node) return "node cold";
  return layer == records::Layer::first ? "first start" : "";
}

std::vector<Row> rows_of(const findings::Comparison& comparison) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < comparison.arms.size(); ++i) {
    const findings::Arm& arm = comparison.arms[i];
    const auto add = [&](const findings::Mode& mode, const char* state) {
      if (mode.load_s) rows.push_back({&mode, arm_class(i), state});
    };
    add(arm.cold, arm.is_verified() ? "cold" : "not verified cold");
    add(arm.warm, "warm");
    for (const findings::Mode& mode : arm.other_modes) {
      add(mode, state_of(arm, mode));
    }
  }
  return rows;
}

// The phases of the rows' median trials, each name once, as they appear.
std::vector<std::string> phase_names(const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const Row& row : rows) {
    const records::Trial* trial = findings::median_trial(*row.mode);
    if (trial == nullptr) continue;
    for (const records::TrialPhase& phase : trial->phases) {
      if (std::find(names.begin(), names.end(), phase.name) == names.end())
        names.emplace_back(phase.name);
    }
  }
  return names;
}

std::string class_of(std::string_view name, const std::vector<std::string>& names) {
  const auto at = std::find(names.begin(), names.end(), name);
  return phase_class(name, static_cast<std::size_t>(at - names.begin()));
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

// The median, as far as a bar shows it, and its median trial's phases.
std::string bar(const Row& row, double y, const svg::SecondsScale& scale,
                const std::vector<std::string>& names) {
  const records::Trial* trial = findings::median_trial(*row.mode);
  const double load_s = trial == nullptr ? row.mode->load_s->median : *trial->load_s;
  std::string out = fmt::format(
      "<rect class=\"whole\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
      scale.left(), y, scale.x(load_s) - scale.left(), k_bar);
  if (trial == nullptr || trial->phases.empty()) return out;
  std::vector<records::TrialPhase> phases(trial->phases.begin(), trial->phases.end());
  std::stable_sort(phases.begin(), phases.end(),
                   [](const auto& a, const auto& b) { return a.start_s < b.start_s; });
  const std::vector<std::size_t> lane = lanes_of(phases);
  const std::size_t lanes = 1 + *std::max_element(lane.begin(), lane.end());
  const double height = k_bar / static_cast<double>(lanes);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const double from = scale.x(phases[i].start_s);
    out += fmt::format(
        "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
        "<title>{}: {}</title></rect>\n",
        class_of(phases[i].name, names), from, y + height * static_cast<double>(lane[i]),
        scale.x(phases[i].end_s) - from, height, svg::escaped(phases[i].name),
        text::in_seconds(phases[i].end_s - phases[i].start_s));
  }
  return out;
}

// Runs of nearly the same time lie one above the other, in the order in which they were made.
std::string dots(const findings::Comparison& comparison, const Row& row, double y,
                 const svg::SecondsScale& scale) {
  constexpr int k_lanes = 5;
  constexpr double k_lane = 3.2;
  std::string out;
  const std::size_t step = (row.mode->trials.size() + k_most_dots - 1) / k_most_dots;
  for (std::size_t i = 0; i < row.mode->trials.size(); i += step) {
    const records::Trial& trial = *row.mode->trials[i];
    const double lane = static_cast<double>(static_cast<int>(i / step) % k_lanes) - 2;
    out += fmt::format(
        "<circle class=\"trial\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.6\"><title>run {}{}: {}</title>"
        "</circle>\n",
        scale.x(row.mode->values_s[i]), y + k_bar / 2 + lane * k_lane, trial.run_id,
        comparison.run_ids_repeat ? " of " + svg::escaped(trial.experiment->id) : "",
        text::in_seconds(row.mode->values_s[i]));
  }
  return out;
}

// How many letters of a label fit into `width` before its figure and how that came about.
std::size_t label_room(double width, std::size_t figure, std::size_t how) {
  constexpr double k_bold = 7.6;  // a letter, no wider on average
  constexpr double k_plain = 6;
  constexpr double k_least = 8;
  constexpr double k_most = 60;
  const double left =
      width - k_bold * static_cast<double>(figure + 2) - k_plain * static_cast<double>(how + 2);
  return static_cast<std::size_t>(std::clamp(left / k_bold, k_least, k_most));
}

// The name with its path's colour, and the figure.
std::string name_line(const Row& row, double y, Place place) {
  const statistics::Summary& load = *row.mode->load_s;
  const std::string how =
      fmt::format("{}{}{}", row.state, *row.state == 0 ? "" : ", ",
                  load.n == 1 ? "one run" : fmt::format("median of {}", load.n));
  const double x = svg::k_margin + 16;
  const std::string figure = text::in_seconds(load.median);
  return fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"10\" height=\"10\"/>\n",
                     row.arm, svg::k_margin, y + 4) +
         fmt::format(
             "<text x=\"{:.1f}\" y=\"{:.1f}\"><tspan class=\"name\">{}: {}</tspan>, {}</text>\n", x,
             y + 13,
             svg::escaped(svg::shortened(
                 row.mode->label, label_room(svg::width_of(place) - x, figure.size(), how.size()))),
             figure, how);
}

}  // namespace

std::string start_chart(const findings::Comparison& comparison, Place place) {
  const std::vector<Row> rows = rows_of(comparison);
  double longest = 0;
  for (const Row& row : rows) longest = std::max(longest, row.mode->load_s->max);
  if (rows.empty() || longest <= 0) return "";
  const std::vector<std::string> names = phase_names(rows);
  const bool loads = findings::loads_only(comparison);
  std::vector<svg::Key> keys{{svg::Key::Mark::dot, "trial", "one run"}};
  for (const std::string& name : names) {
    keys.push_back({svg::Key::Mark::area, class_of(name, names), name});
  }
  keys.push_back({svg::Key::Mark::area, "whole", names.empty() ? "median run" : "unattributed"});
  const double bottom = svg::k_top + k_row * static_cast<double>(rows.size());
  const svg::SecondsScale scale(longest, place, svg::k_margin);
  const svg::Legend legend = svg::legend(keys, bottom + svg::k_axis, place);
  const char* const title =
      names.empty() ? "Every run, and the median ones" : "Every run, and the median ones' phases";
  std::string out =
      svg::open(svg::width_of(place), bottom + svg::k_axis + legend.height + 4, title);
  out += scale.axis(bottom, loads ? "seconds of the load" : "seconds from launch to ready");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = svg::k_top + k_row * static_cast<double>(i);
    out += name_line(rows[i], y, place);
    out += scale.grid(y + k_name - 2, y + k_name + k_bar + 4);
    out += bar(rows[i], y + k_name, scale, names);
    out += dots(comparison, rows[i], y + k_name, scale);
  }
  return out + legend.drawn + "</svg>\n";
}

}  // namespace coldload::charts
