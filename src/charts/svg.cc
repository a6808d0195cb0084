#include "charts/svg.h"

#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "text/escape.h"

namespace coldload::charts::svg {

namespace {

constexpr std::array<const char*, k_colours> k_palette{"#8250df", "#0969da", "#1a7f37", "#bf8700",
                                                       "#cf222e", "#1b7c83", "#bf3989", "#6e7781"};

}  // namespace

std::string escaped(const std::string& text) {
  static const std::map<char, std::string> k_entities{
      {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
  std::string out;
  for (const char c : text::one_line(text)) {
    const auto entity = k_entities.find(c);
    out += entity == k_entities.end() ? std::string(1, c) : entity->second;
  }
  return out;
}

std::string open(double width, double height, const std::string& title) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\">\n<title>{2}</title>\n",
      width, height, escaped(title));
  out +=
      "<style>\ntext{font:12px system-ui,sans-serif;fill:#57606a}\n.title{font-weight:600}\n"
      ".grid{stroke:#8c959f;stroke-opacity:.35}\n.curve{stroke:#0969da;stroke-width:2;fill:none}\n"
      "circle{fill:#0969da}\n.warm{fill:#bf8700}\n.other{fill:#6e7781}\n"
      ".whole{fill:#8c959f;fill-opacity:.4}\n"
      ".middle{stroke:#57606a;stroke-width:2}\n"
      ".reader{stroke:#bf8700;stroke-width:1.5;stroke-dasharray:5 4}\n"
      "@media(prefers-color-scheme:dark){text{fill:#9da7b3}.curve{stroke:#4493f8}"
      "circle{fill:#4493f8}.warm{fill:#d29922}.other{fill:#9198a1}.middle{stroke:#9da7b3}"
      ".reader{stroke:#d29922}}\n.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-"
      "linecap:round}\n";
  for (std::size_t i = 0; i < k_colours; ++i) {
    out += fmt::format(".p{0}{{fill:{1}}}.l{0}{{stroke:{1}}}", i, k_palette.at(i));
  }
  out += "\n</style>\n";
  out += fmt::format("<text class=\"title\" x=\"12.0\" y=\"18\">{}</text>\n", escaped(title));
  return out;
}

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escaped(text));
}

std::string shortened(const std::string& label) {
  constexpr std::size_t k_longest = 18;
  return label.size() <= k_longest ? label : label.substr(0, k_longest - 3) + "...";
}

double step_for(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 4)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (most / (factor * power) <= 8) return factor * power;
  }
  return 10 * power;
}

// No clock tells less than a nanosecond; a figure too small to be divided by gives no picture.
SecondsScale::SecondsScale(double longest)
    : step_(step_for(std::max(longest, 1e-9))),
      most_(step_ * std::ceil(std::max(longest, 1e-9) / step_ * 0.9999)) {}

double SecondsScale::x(double seconds) const {
  return k_left + seconds / most_ * (k_width - k_left - k_right);
}

std::string SecondsScale::axis(double top, double bottom, const std::string& meaning) const {
  std::string out;
  for (int i = 0; step_ * i <= most_ * 1.0001; ++i) {
    const double at = x(step_ * i);
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", at, top, bottom);
    out += label(at, bottom + 18, "middle", fmt::format("{:g}", step_ * i));
  }
  return out + label((k_left + k_width - k_right) / 2, bottom + 36, "middle", meaning);
}

}  // namespace coldload::charts::svg
