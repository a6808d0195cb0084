// Parts that the report's pictures share: text, axes, colours.
//
// Layer: report. Pure functions.
#pragma once

#include <cstddef>
#include <string>

namespace coldload::report::svg {

// `text` on one line, fit to stand in XML.
[[nodiscard]] std::string escaped(const std::string& text);

// The opening tag, the title for screen readers and as the heading, and the style. The picture has
// no background of its own; its colours have contrast on white and on near-black.
[[nodiscard]] std::string open(double width, double height, const std::string& title);

// `anchor`: start, middle or end.
[[nodiscard]] std::string label(double x, double y, const char* anchor, const std::string& text);

// A label of a row, cut to what fits beside it.
[[nodiscard]] std::string shortened(const std::string& label);

// How many classes p0, p1, ... tell things apart by colour.
inline constexpr std::size_t k_colours = 8;

// Where a plot lies.
struct Box {
  double left = 0;
  double right = 0;
  double top = 0;
  double bottom = 0;
};
// Grid lines from 0 to `most` seconds, `step` apart, their numbers below, and what they mean.
[[nodiscard]] std::string seconds_axis(const Box& box, double most, double step,
                                       const std::string& meaning);

// The distance of grid lines: 1, 2 or 5 times a power of ten, so that 4 to 8 of them reach `most`.
[[nodiscard]] double step_for(double most);

}  // namespace coldload::report::svg
