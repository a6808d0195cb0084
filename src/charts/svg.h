// Parts that the report's pictures share: text, axes, colours.
//
// Layer: charts. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coldload::charts::svg {

// `text` on one line, fit to stand in XML.
[[nodiscard]] std::string escaped(std::string_view text);

// The opening tag, the title for screen readers and as the heading, and the style. The picture has
// no background of its own; its colours have contrast on white and on near-black.
[[nodiscard]] std::string open(double width, double height, const std::string& title);

// `anchor`: start, middle or end.
[[nodiscard]] std::string label(double x, double y, const char* anchor, const std::string& text);

// A label of a row, cut to what fits beside it.
[[nodiscard]] std::string shortened(const std::string& label);

// What tells things apart: classes p0, p1, ... fill with these colours, l0, l1, ... draw with them.
inline constexpr std::size_t k_colours = 8;

// The distance of grid lines: 1, 2 or 5 times a power of ten, so that 4 to 8 of them reach `most`.
[[nodiscard]] double step_for(double most);

// The pictures whose rows are paths and whose axis is seconds: alike, so that one is read with the
// other. Labels of rows stand left of the plot, figures right of it.
inline constexpr double k_width = 720;
inline constexpr double k_left = 130;
inline constexpr double k_right = 96;
inline constexpr double k_top = 40;
inline constexpr double k_axis = 44;  // what the axis takes below the plot
class SecondsScale {
 public:
  // From 0 to a grid line at or behind `longest`, which is above 0.
  explicit SecondsScale(double longest);
  [[nodiscard]] double x(double seconds) const;
  [[nodiscard]] std::string axis(double top, double bottom, const std::string& meaning) const;

 private:
  double step_;
  double most_;
};

}  // namespace coldload::charts::svg
