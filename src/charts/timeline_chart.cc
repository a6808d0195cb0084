// A picture of what went on while a server started.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "charts/colours.h"
#include "charts/comparison_charts.h"
#include "charts/svg.h"
#include "text/units.h"

namespace coldload::charts {

namespace {

using records::TimelineSample;
using Samples = std::vector<TimelineSample>;

constexpr double k_panel = 92;
constexpr double k_panel_title = 30;
constexpr double k_left = 84;  // of the plot: the figures stand before it

struct Point {
  double t_s;
  double value;
  bool after_gap = false;  // no line leads to it
};
using Line = std::vector<Point>;

struct Panel {
  const char* title;
  Line (*line_of)(const Samples& samples);
  std::string (*written)(double value);
  double unit;  // figures at the axis are round in it
};

template <typename Value>
Line line_of_known(const Samples& samples, Value value) {
  Line line;
  for (const TimelineSample& sample : samples) {
    if (const std::optional<double> known = value(sample)) line.push_back({sample.t_s, *known});
  }
  return line;
}

Line storage_line(const Samples& samples) {
  return line_of_known(samples, [](const TimelineSample& sample) {
    return sample.storage_bytes ? std::optional(static_cast<double>(*sample.storage_bytes))
                                : std::nullopt;
  });
}

Line gpu_line(const Samples& samples) {
  constexpr double k_bytes_per_mib = 1 << 20;
  Line line = line_of_known(samples, [](const TimelineSample& sample) {
    return sample.gpu.memory_mib ? std::optional(*sample.gpu.memory_mib * k_bytes_per_mib)
                                 : std::nullopt;
  });
  const bool was_used =
      std::any_of(line.begin(), line.end(), [](const Point& point) { return point.value > 0; });
  constexpr double k_gap_s = 6;  // memory may have grown and shrunk in that time
  for (std::size_t i = 1; i < line.size(); ++i) {
    line[i].after_gap = line[i].t_s - line[i - 1].t_s > k_gap_s;
  }
  return was_used ? line : Line();
}

// CPU seconds are counted in ticks of 10 ms: a mean over less than `k_least_s` would be noise.
Line cpu_line(const Samples& samples) {
  constexpr double k_least_s = 0.5;
  const Line seconds =
      line_of_known(samples, [](const TimelineSample& sample) { return sample.cpu_s; });
  Line line;
  for (std::size_t from = 0, to = 1; to < seconds.size(); ++to) {
    const double over_s = seconds[to].t_s - seconds[from].t_s;
    const bool is_last = to + 1 == seconds.size();
    if (over_s <= 0 || (over_s < k_least_s && !(is_last && line.empty()))) continue;
    const double cores = std::max(seconds[to].value - seconds[from].value, 0.0) / over_s;
    line.push_back({seconds[from].t_s, cores});
    line.push_back({seconds[to].t_s, cores});
    from = to;
  }
  return line;
}

std::string bytes_written(double value) {
  return value <= 0 ? "0" : text::format_bytes(static_cast<std::uint64_t>(value));
}
constexpr double k_gib = 1 << 30;
std::string gib_written(double value) {
  return value <= 0 ? "0" : fmt::format("{:.3g} GiB", value / k_gib);
}
std::string cores_written(double value) { return fmt::format("{:g}", value); }

constexpr Panel k_panels[] = {{"read from storage", storage_line, bytes_written, 1},
                              {"CPU cores busy", cpu_line, cores_written, 1},
                              {"GPU memory", gpu_line, gib_written, k_gib}};

// Points closer together than a line is wide are left out; one alone between gaps is a dot.
std::string path_of(const Line& line, const svg::SecondsScale& scale, double bottom, double most) {
  constexpr double k_nearest = 2;
  std::string out;
  double last_x = -k_nearest;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const double x = scale.x(line[i].t_s);
    const bool begins = i == 0 || line[i].after_gap;
    const bool ends = i + 1 == line.size() || line[i + 1].after_gap;
    const double next_x = ends ? x : scale.x(line[i + 1].t_s);
    if (!begins && !ends && x - last_x < k_nearest && next_x - last_x < k_nearest) continue;
    out += fmt::format("{}{:.1f} {:.1f}{}", begins ? 'M' : 'L', x,
                       bottom - line[i].value / most * k_panel, begins && ends ? "h0" : "");
    last_x = x;
  }
  return out;
}

struct Shown {
  std::string label;
  std::string style;  // its path's class
  Samples samples;
};

// With what the GPUs held at ready, which was looked at whatever it cost.
Samples with_memory_at_ready(Samples samples, const records::Trial& trial) {
  if (trial.load_s && trial.gpu_mem_used_mb && *trial.load_s >= samples.back().t_s) {
    TimelineSample ready;
    ready.t_s = *trial.load_s;
    ready.gpu.memory_mib = trial.gpu_mem_used_mb;
    samples.push_back(ready);
  }
  return samples;
}

// One panel with its grid; nothing where no trial has such a line.
std::string drawn(const Panel& panel, const std::vector<Shown>& shown,
                  const svg::SecondsScale& scale, double top) {
  std::vector<Line> lines;
  double highest = 0;
  for (const Shown& trial : shown) {
    lines.push_back(panel.line_of(trial.samples));
    for (const Point& point : lines.back()) highest = std::max(highest, point.value);
  }
  if (highest <= 0) return "";
  constexpr int k_most_steps = 4;
  const double step = svg::step_for(highest / panel.unit, k_most_steps) * panel.unit;
  const int steps = static_cast<int>(std::ceil(highest / step * 0.9999));
  highest = step * steps;
  const double bottom = top + k_panel_title + k_panel;
  const bool has_gap = std::any_of(lines.begin(), lines.end(), [](const Line& line) {
    return std::any_of(line.begin(), line.end(),
                       [](const Point& point) { return point.after_gap; });
  });
  std::string out = svg::label(svg::k_margin, top + k_panel_title - 10, "start",
                               panel.title + std::string(has_gap ? " (a gap: not sampled)" : ""));
  out += scale.grid(bottom - k_panel, bottom);
  for (int i = 0; i <= steps; ++i) {
    const double y = bottom - k_panel * i / steps;
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", scale.left(), y,
                       scale.right());
    out += svg::label(scale.left() - 10, y + 4, "end", panel.written(step * i));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    out +=
        fmt::format("<path class=\"line {}\" d=\"{}\"><title>{}</title></path>\n", shown[i].style,
                    path_of(lines[i], scale, bottom, highest), svg::escaped(shown[i].label));
  }
  return out;
}

std::vector<svg::Key> keys_of(const std::vector<Shown>& shown) {
  std::vector<svg::Key> keys;
  keys.reserve(shown.size());
  for (const Shown& trial : shown) {
    keys.push_back({svg::Key::Mark::line, trial.style, trial.label});
  }
  return keys;
}

}  // namespace

std::vector<const records::Trial*> timeline_trials(const findings::Comparison& comparison) {
  std::vector<const records::Trial*> trials;
  for (const findings::Arm& arm : comparison.arms) {
    const records::Trial* trial = findings::median_trial(arm.cold);
    if (trial != nullptr && trials.size() < k_arm_colours) trials.push_back(trial);
  }
  return trials;
}

std::string timeline_chart(const findings::Comparison& comparison,
                           const records::Timelines& timelines, Place place) {
  std::vector<Shown> shown;
  double longest = 0;
  for (std::size_t i = 0; i < comparison.arms.size() && shown.size() < k_arm_colours; ++i) {
    const records::Trial* trial = findings::median_trial(comparison.arms[i].cold);
    const auto samples = timelines.find(trial);
    if (samples == timelines.end() || samples->second.empty()) continue;
    shown.push_back({std::string(trial->storage_mode), arm_class(i),
                     with_memory_at_ready(samples->second, *trial)});
    longest = std::max(longest, shown.back().samples.back().t_s);
  }
  if (longest <= 0) return "";
  const svg::SecondsScale scale(longest, place, k_left);
  std::string panels;
  double bottom = svg::k_top - k_panel_title / 2;
  for (const Panel& panel : k_panels) {
    const std::string picture = drawn(panel, shown, scale, bottom);
    if (!picture.empty()) bottom += k_panel_title + k_panel;
    panels += picture;
  }
  if (panels.empty()) return "";
  const svg::Legend legend = svg::legend(keys_of(shown), bottom + svg::k_axis, place);
  return svg::open(svg::width_of(place), bottom + svg::k_axis + legend.height + 4,
                   "What went on in the median trials") +
         scale.axis(bottom, "seconds since launch") + panels + legend.drawn + "</svg>\n";
}

}  // namespace coldload::charts
