// One colour means one thing in all pictures of a report: phases are filled with one family, paths
// and ways to start drawn with another. Both are told apart by people who do not see red and green
// as others do.
//
// Layer: charts. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coldload::charts {

// The class of a phase, by its name: the same name has the same colour in every report. Names that
// are not known take what is left, by `order`, their place among the names of a picture.
[[nodiscard]] std::string phase_class(std::string_view name, std::size_t order);

// The class of the `index`-th path or way to start: fills with it, and draws with it as a "line".
[[nodiscard]] std::string arm_class(std::size_t index);
// How many are told apart.
inline constexpr std::size_t k_arm_colours = 8;

// The rules of all these classes, for a picture's style.
[[nodiscard]] std::string colour_rules();

}  // namespace coldload::charts
