// A picture of how long nodes that start at once take, and of what they read together, over their
// number.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "charts/colours.h"
#include "charts/comparison_charts.h"
#include "charts/svg.h"
#include "findings/herd.h"
#include "text/units.h"
#include "text/wording.h"

namespace coldload::charts {

namespace {

using findings::HerdModel;
using findings::HerdOfArm;
using findings::HerdRun;

constexpr double k_panel = 130;
constexpr double k_panel_title = 38;
constexpr double k_left = 84;  // of the plot: the figures stand before it

// Nodes at once from left to right; 0 at the left edge.
struct NodesScale {
  double right = 0;
  double most = 1;

  [[nodiscard]] double x(double nodes) const { return k_left + nodes / most * (right - k_left); }
};

struct Panel {
  const char* title;
  std::optional<double> (*of_run)(const HerdRun& run);
  double (*of_model)(const HerdModel& model, double nodes);
  std::string (*at_axis)(double value);
  std::string (*told)(double value);
};

std::optional<double> seconds_of(const HerdRun& run) { return run.all_ready_s; }
double model_seconds(const HerdModel& model, double nodes) { return model.all_ready_s(nodes); }
std::string axis_seconds(double value) { return fmt::format("{:g} s", value); }

std::optional<double> rate_of(const HerdRun& run) { return run.rate_bytes_per_s; }
double model_rate(const HerdModel& model, double nodes) {
  return nodes * model.bytes / model.all_ready_s(nodes);
}
std::string axis_rate(double value) { return value <= 0 ? "0" : text::format_rate(value); }

constexpr std::array<Panel, 2> k_panels{
    {{"launch to ready, of all nodes", seconds_of, model_seconds, axis_seconds, text::in_seconds},
     {"what all nodes read together", rate_of, model_rate, axis_rate, text::format_rate}}};

using Sizes = std::set<std::uint64_t, std::greater<>>;  // the largest first

// The figures at the measured sizes, the largest first, as far as there is room.
std::string sizes_below(const Sizes& sizes, const NodesScale& scale, double bottom) {
  constexpr double k_letter = 8;
  std::string out;
  double free_until = scale.right + k_left;
  for (const std::uint64_t size : sizes) {
    const std::string figure = fmt::format("{}", size);
    const double x = scale.x(static_cast<double>(size));
    const double half = k_letter * static_cast<double>(figure.size() + 1) / 2;
    if (x + half > free_until) continue;
    out += svg::label(x, bottom + 18, "middle", figure);
    free_until = x - half;
  }
  return out + svg::label((k_left + scale.right) / 2, bottom + 36, "middle", "nodes at once");
}

// From the smallest size to the largest, so densely that the knee is where it is.
std::string model_line(const Panel& panel, const HerdOfArm& herd, const NodesScale& scale,
                       double bottom, double highest) {
  if (!herd.model) return "";
  constexpr int k_steps = 120;
  const auto first = static_cast<double>(herd.sizes.front().size);
  const auto last = static_cast<double>(herd.sizes.back().size);
  std::string path;
  for (int step = 0; step <= k_steps; ++step) {
    const double nodes = std::lerp(first, last, static_cast<double>(step) / k_steps);
    path += fmt::format("{}{:.1f} {:.1f}", step == 0 ? 'M' : 'L', scale.x(nodes),
                        bottom - panel.of_model(*herd.model, nodes) / highest * k_panel);
  }
  return fmt::format("<path class=\"line {}\" d=\"{}\"/>\n", arm_class(herd.arm), path);
}

std::string dots(const Panel& panel, const HerdOfArm& herd, const NodesScale& scale, double bottom,
                 double highest) {
  std::string out;
  for (const findings::HerdSize& size : herd.sizes) {
    for (const HerdRun& run : size.runs) {
      const auto value = panel.of_run(run);
      if (!value) continue;
      out += fmt::format(
          "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.6\"><title>{} at once: {}</title>"
          "</circle>\n",
          arm_class(herd.arm), scale.x(static_cast<double>(size.size)),
          bottom - *value / highest * k_panel, size.size, panel.told(*value));
    }
  }
  return out;
}

double highest_of(const Panel& panel, const std::vector<HerdOfArm>& herds) {
  double highest = 0;
  for (const HerdOfArm& herd : herds) {
    for (const findings::HerdSize& size : herd.sizes) {
      const auto nodes = static_cast<double>(size.size);
      if (herd.model) highest = std::max(highest, panel.of_model(*herd.model, nodes));
      for (const HerdRun& run : size.runs) {
        highest = std::max(highest, panel.of_run(run).value_or(0));
      }
    }
  }
  return highest;
}

// One panel with its grid; nothing where nothing of it is known.
std::string drawn(const Panel& panel, const std::vector<HerdOfArm>& herds, const NodesScale& scale,
                  double top) {
  constexpr int k_most_steps = 4;
  double highest = highest_of(panel, herds);
  if (highest <= 0) return "";
  const double step = svg::step_for(highest, k_most_steps);
  const int steps = static_cast<int>(std::ceil(highest / step * 0.9999));
  highest = step * steps;
  const double bottom = top + k_panel_title + k_panel;
  std::string out = svg::label(svg::k_margin, top + k_panel_title - 16, "start", panel.title);
  for (int i = 0; i <= steps; ++i) {
    const double y = bottom - k_panel * i / steps;
    out +=
        fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", k_left, y, scale.right);
    out += svg::label(k_left - 10, y + 4, "end", panel.at_axis(step * i));
  }
  for (const HerdOfArm& herd : herds) out += model_line(panel, herd, scale, bottom, highest);
  for (const HerdOfArm& herd : herds) out += dots(panel, herd, scale, bottom, highest);
  return out;
}

std::vector<svg::Key> keys_of(const findings::Comparison& comparison,
                              const std::vector<HerdOfArm>& herds) {
  std::vector<svg::Key> keys;
  for (const HerdOfArm& herd : herds) {
    std::string label = comparison.arms[herd.arm].facts.label;
    if (herd.per_node > 1) label += fmt::format(", {} servers on each node", herd.per_node);
    keys.push_back({svg::Key::Mark::dot, arm_class(herd.arm), label + ", one herd"});
    if (!herd.model) continue;
    keys.push_back({svg::Key::Mark::line, arm_class(herd.arm), label + ", model (derived)"});
  }
  return keys;
}

}  // namespace

std::string herd_chart(const findings::Comparison& comparison, Place place) {
  std::vector<HerdOfArm> herds = findings::herds_of(comparison);
  std::erase_if(herds, [](const HerdOfArm& herd) { return herd.sizes.size() < 2; });
  if (herds.empty()) return "";
  Sizes sizes;
  for (const HerdOfArm& herd : herds) {
    for (const findings::HerdSize& size : herd.sizes) sizes.insert(size.size);
  }
  const NodesScale scale{svg::width_of(place) - 2 * svg::k_margin,
                         static_cast<double>(*sizes.begin())};
  std::string panels;
  double bottom = svg::k_top - k_panel_title / 2;
  for (const Panel& panel : k_panels) {
    const std::string picture = drawn(panel, herds, scale, bottom);
    if (!picture.empty()) bottom += k_panel_title + k_panel;
    panels += picture;
  }
  if (panels.empty()) return "";
  const svg::Legend legend = svg::legend(keys_of(comparison, herds), bottom + svg::k_axis, place);
  return svg::open(svg::width_of(place), bottom + svg::k_axis + legend.height + 4,
                   "Several nodes at once") +
         panels + sizes_below(sizes, scale, bottom) + legend.drawn + "</svg>\n";
}

}  // namespace coldload::charts
