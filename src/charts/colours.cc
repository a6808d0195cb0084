#include "charts/colours.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace coldload::charts {

namespace {

struct PhaseColour {
  std::string_view name;  // of the phase; what has none is for names that are not known
  const char* colour;
};
// Light, so that a dot on them is seen. The weights, which a comparison of storage is about, stand
// out.
constexpr std::array<PhaseColour, 11> k_phases{{{"start", "#77aadd"},
                                                {"weights", "#ee8866"},
                                                {"compile", "#bbcc33"},
                                                {"graphs", "#aaaa00"},
                                                {"profile", "#ffaabb"},
                                                {"kv_cache", "#99ddff"},
                                                {"http", "#eedd88"},
                                                {"", "#44bb99"},
                                                {"", "#c2a5cf"},
                                                {"", "#d9b38c"},
                                                {"", "#a0a8b0"}}};
constexpr std::size_t k_known_phases = 7;

struct ArmColour {
  const char* colour;
  const char* dashes;  // the second four are dashed as well
};
// Their contrast is 3 or more on white and on near-black.
constexpr std::array<ArmColour, k_arm_colours> k_arms{{{"#0072b2", ""},
                                                       {"#d55e00", ""},
                                                       {"#009e73", ""},
                                                       {"#c0649a", ""},
                                                       {"#8250df", "6 3"},
                                                       {"#8c6d00", "6 3"},
                                                       {"#3f8fc4", "2 3"},
                                                       {"#6e7781", "2 3"}}};

}  // namespace

std::string phase_class(std::string_view name, std::size_t order) {
  for (std::size_t i = 0; i < k_known_phases; ++i) {
    if (k_phases.at(i).name == name) return fmt::format("p{}", i);
  }
  return fmt::format("p{}", k_known_phases + order % (k_phases.size() - k_known_phases));
}

std::string arm_class(std::size_t index) { return fmt::format("a{}", index % k_arm_colours); }

std::string colour_rules() {
  std::string out;
  for (std::size_t i = 0; i < k_phases.size(); ++i) {
    out += fmt::format(".p{}{{fill:{}}}", i, k_phases.at(i).colour);
  }
  for (std::size_t i = 0; i < k_arms.size(); ++i) {
    const ArmColour& arm = k_arms.at(i);
    out += fmt::format(".a{0}{{fill:{1}}}.line.a{0}{{fill:none;stroke:{1}{2}{3}}}", i, arm.colour,
                       *arm.dashes == 0 ? "" : ";stroke-dasharray:", arm.dashes);
  }
  return out;
}

}  // namespace coldload::charts
