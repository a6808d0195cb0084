#include "findings/condition.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>
#include <vector>

#include <boost/describe/enum_from_string.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/error.h"
#include "records/trial_figures.h"
#include "statistics/statistics.h"

namespace coldload::findings {

namespace {

using records::Trial;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw os::Error(fmt::format(
      "cannot read the condition \"{}\": {}; it reads FIGURE[.PATH]>NUMBER or <NUMBER, as in "
      "load_s.net>60, with ratio, difference_s, load_s or efficiency",
      text, why));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

const Mode* mode_named(const Comparison& comparison, const std::string& label) {
  for (const Arm& arm : comparison.arms) {
    for (const Mode* mode : arm.modes()) {
      if (mode->label == label) return mode;
    }
  }
  return nullptr;
}

[[noreturn]] void no_such_path(const Condition& condition, const Comparison& comparison) {
  std::vector<std::string> labels;
  for (const Arm& arm : comparison.arms) labels.push_back(arm.facts.label);
  throw os::Error(fmt::format("the condition \"{}\" names {}: there are {}", condition.text,
                              is_of_pair(condition.figure)
                                  ? "no path that was compared with the first"
                                  : "no path on record",
                              fmt::join(labels, ", ")));
}

std::optional<double> figure_of_pair(const Condition& condition, const Comparison& comparison) {
  const std::size_t first = comparison.first_there();
  const std::size_t unnamed = comparison.second_there().value_or(first);
  for (std::size_t second = 0; second < comparison.arms.size(); ++second) {
    const std::string& label = comparison.arms[second].facts.label;
    const bool is_meant = condition.mode.empty() ? second == unnamed : condition.mode == label;
    if (second == first || !is_meant) continue;
    const Contrast contrast = contrast_of(comparison, first, second);
    return condition.figure == Figure::ratio ? contrast.ratio : contrast.difference_s;
  }
  no_such_path(condition, comparison);
}

std::optional<double> figure_of(const Condition& condition, const Comparison& comparison) {
  if (is_of_pair(condition.figure)) return figure_of_pair(condition, comparison);
  const Mode* mode = mode_named(comparison, condition.mode);
  if (mode == nullptr) no_such_path(condition, comparison);
  if (condition.figure == Figure::efficiency) {
    return statistics::median_if_any(records::values_of(mode->trials, &Trial::efficiency));
  }
  return mode->load_s ? std::optional(mode->load_s->median) : std::nullopt;
}

}  // namespace

bool is_of_pair(Figure figure) { return figure == Figure::ratio || figure == Figure::difference_s; }

Condition parse_condition(std::string_view text) {
  Condition condition;
  condition.text = text;
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos) refuse(text, "it compares nothing");
  condition.above = text[at] == '>';
  const std::string_view name = trimmed(text.substr(0, at));
  const std::string_view number = trimmed(text.substr(at + 1));
  condition.name = name;
  const std::size_t dot = name.find('.');
  const std::string figure(name.substr(0, dot));
  if (!boost::describe::enum_from_string(figure.c_str(), condition.figure)) {
    refuse(text, "there is no such figure");
  }
  if (dot != std::string_view::npos) {
    condition.mode = name.substr(dot + 1);
    if (condition.mode.empty()) refuse(text, "of which path?");
  }
  if (condition.mode.empty() && !is_of_pair(condition.figure)) refuse(text, "of which path?");
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), condition.limit);
  if (error != std::errc() || end != number.data() + number.size() ||
      !std::isfinite(condition.limit)) {
    refuse(text, "what it compares with is no number");
  }
  return condition;
}

Examined examine(const Condition& condition, const Comparison& comparison) {
  Examined examined;
  examined.value = figure_of(condition, comparison);
  examined.fulfilled = !examined.value || (condition.above ? *examined.value > condition.limit
                                                           : *examined.value < condition.limit);
  return examined;
}

}  // namespace coldload::findings
