// Conditions on a comparison's figures, for continuous integration: "ratio>3", "load_s.net>60",
// "efficiency.nvme<0.5".
//
// Layer: findings. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/describe/enum.hpp>

#include "findings/comparison.h"

namespace coldload::findings {

enum class Figure {
  load_s,        // of a mode: the median
  efficiency,    // of a mode: the median
  ratio,         // of a path over the first that is there; without a name: of the one behind
  difference_s,  // likewise
};
BOOST_DESCRIBE_ENUM(Figure, load_s, efficiency, ratio, difference_s)  // conditions name them so

// Whether it is of a path against the first.
[[nodiscard]] bool is_of_pair(Figure figure);

struct Condition {
  std::string text;  // as it was given
  Figure figure = Figure::ratio;
  std::string name;   // "ratio.net"
  std::string mode;   // "net", "net_warm"; empty: the path behind the first
  bool above = true;  // whether more than `limit` fulfils it, else less
  double limit = 0;
};

// FIGURE[.MODE] and > or < and a number. Throws os::Error that says what is wrong with it.
[[nodiscard]] Condition parse_condition(std::string_view text);

struct Examined {
  std::optional<double> value;  // of the figure; nothing where it is not known
  bool fulfilled = false;
};

// A figure that is not known fulfils every condition: whoever asks wants to be told. Throws
// os::Error where the comparison has no such path or mode.
[[nodiscard]] Examined examine(const Condition& condition, const Comparison& comparison);

}  // namespace coldload::findings
