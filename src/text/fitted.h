// Lines that fit into a width, in characters.
//
// Layer: text. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

// How many characters `text` has, as UTF-8.
[[nodiscard]] std::size_t characters_in(std::string_view text);

// The beginning of `text` that has `width` characters at most.
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t width);

// A part of a line, and how well one can do without it: the largest `rank` goes first.
struct LinePart {
  std::string text;
  int rank = 0;
};

// The parts, in their order, without those that do not fit; what is left is cut.
[[nodiscard]] std::string fitted_line(std::vector<LinePart> parts, std::size_t width);

// Each of `lines` that is wider than `width`, ended at blanks of it: what follows is indented by
// `indent`. Words that are wider than that stay whole, and so does every line that is not too wide.
[[nodiscard]] std::string wrapped_lines(std::string_view lines, std::size_t indent,
                                        std::size_t width);

// A duration for people who wait: "42 s", "12 min", "3 h 20 min".
[[nodiscard]] std::string waiting_time(double seconds);

}  // namespace coldload::text
