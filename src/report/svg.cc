#include "report/svg.h"

#include <cmath>

#include <fmt/format.h>

#include "text/escape.h"

namespace coldload::report::svg {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text::one_line(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
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
      ".whole{fill:#8c959f;fill-opacity:.3}\n"
      ".p0{fill:#8250df}.p1{fill:#0969da}.p2{fill:#1a7f37}.p3{fill:#bf8700}.p4{fill:#cf222e}"
      ".p5{fill:#1b7c83}.p6{fill:#bf3989}.p7{fill:#6e7781}\n"
      ".middle{stroke:#57606a;stroke-width:2}\n"
      ".reader{stroke:#bf8700;stroke-width:1.5;stroke-dasharray:5 4}\n"
      "@media(prefers-color-scheme:dark){text{fill:#9da7b3}.curve{stroke:#4493f8}"
      "circle{fill:#4493f8}.warm{fill:#d29922}.other{fill:#9198a1}.middle{stroke:#9da7b3}"
      ".reader{stroke:#d29922}}\n</style>\n";
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

std::string seconds_axis(const Box& box, double most, double step, const std::string& meaning) {
  std::string out;
  for (int i = 0; step * i <= most * 1.0001; ++i) {
    const double x = box.left + step * i / most * (box.right - box.left);
    out +=
        fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", x, box.top, box.bottom);
    out += label(x, box.bottom + 18, "middle", fmt::format("{:g}", step * i));
  }
  return out + label((box.left + box.right) / 2, box.bottom + 36, "middle", meaning);
}

double step_for(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 4)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (most / (factor * power) <= 8) return factor * power;
  }
  return 10 * power;
}

}  // namespace coldload::report::svg
