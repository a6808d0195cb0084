// Parts that the report's pictures share: text, axes, legends.
//
// Layer: charts. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::charts {

// Where a picture is to be read: beside text, or on a phone, whose screen is half as wide.
enum class Place { wide, narrow };

}  // namespace coldload::charts

namespace coldload::charts::svg {

// `text` on one line, fit to stand in XML.
[[nodiscard]] std::string escaped(std::string_view text);

// The rules for everything in a picture, the same in all of them, and the element that a picture
// has them in: a page that shows several needs them once.
[[nodiscard]] std::string style();
[[nodiscard]] std::string style_element();

// The opening tag, the title for screen readers and as the heading, and the style. The picture has
// no background of its own; its colours have contrast on white and on near-black.
[[nodiscard]] std::string open(double width, double height, const std::string& title);

// `anchor`: start, middle or end.
[[nodiscard]] std::string label(double x, double y, const char* anchor, const std::string& text);

// A label cut in its middle, where it is longer than `most` characters: both of its ends tell
// something.
[[nodiscard]] std::string shortened(const std::string& label, std::size_t most);

// The distance of grid lines: 1, 2 or 5 times a power of ten, so that at most `lines` of them reach
// `most`.
[[nodiscard]] double step_for(double most, int lines = 8);

// The pictures whose axis is seconds: alike, so that one is read with the other.
inline constexpr double k_margin = 12;
inline constexpr double k_top = 34;
inline constexpr double k_axis = 44;  // what the axis takes below the plot
[[nodiscard]] double width_of(Place place);
class SecondsScale {
 public:
  // From 0 to a grid line at or behind `longest`, which is above 0; `left`: of the plot.
  SecondsScale(double longest, Place place, double left);
  [[nodiscard]] double x(double seconds) const;
  [[nodiscard]] double left() const { return left_; }
  [[nodiscard]] double right() const { return right_; }
  // Grid lines; and below `bottom` their figures and what these are.
  [[nodiscard]] std::string grid(double top, double bottom) const;
  [[nodiscard]] std::string axis(double bottom, const std::string& meaning) const;

 private:
  double left_;
  double right_;
  double step_;
  double most_;
};

// What a picture's colours mean, in as many rows as it takes.
struct Key {
  enum class Mark { area, line, dot };
  Mark mark;
  std::string style;  // a class
  std::string text;
};
struct Legend {
  std::string drawn;
  double height;  // from `top`
};
[[nodiscard]] Legend legend(const std::vector<Key>& keys, double top, Place place);

}  // namespace coldload::charts::svg
