#include "charts/svg.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "charts/colours.h"
#include "text/escape.h"

namespace coldload::charts::svg {

std::string escaped(std::string_view text) {
  static const std::map<char, std::string> k_entities{
      {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
  std::string out;
  for (const char c : text::one_line(text)) {
    const auto entity = k_entities.find(c);
    out += entity == k_entities.end() ? std::string(1, c) : entity->second;
  }
  return out;
}

std::string style() {
  return "text{font:12px system-ui,sans-serif;fill:#57606a}\n"
         ".title{font-weight:600}.name{font-weight:600;fill:#1f2328}\n"
         ".grid{stroke:#8c959f;stroke-opacity:.35}"
         ".curve{stroke:#0969da;stroke-width:2;fill:none}\n"
         "circle{fill:#0969da}.trial{fill:#24292f;stroke:#fff;stroke-width:1}\n"
         ".whole{fill:#8c959f;fill-opacity:.4}\n"
         ".reader{stroke:#bf8700;stroke-width:1.5;stroke-dasharray:5 4}\n"
         "@media(prefers-color-scheme:dark){text{fill:#9da7b3}.name{fill:#e6edf3}"
         ".curve{stroke:#4493f8}circle{fill:#4493f8}.trial{fill:#24292f}"
         ".reader{stroke:#d29922}}\n"
         ".line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}\n" +
         colour_rules() + '\n';
}

std::string style_element() { return "<style>\n" + style() + "</style>\n"; }

std::string open(double width, double height, const std::string& title) {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
             "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\">\n<title>{2}</title>\n",
             width, height, escaped(title)) +
         style_element() +
         fmt::format("<text class=\"title\" x=\"{:.1f}\" y=\"18\">{}</text>\n", k_margin,
                     escaped(title));
}

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escaped(text));
}

std::string shortened(const std::string& label, std::size_t most) {
  if (label.size() <= most) return label;
  const std::size_t end = (most - 3) / 2;
  return label.substr(0, most - 3 - end) + "..." + label.substr(label.size() - end);
}

double step_for(double most, int lines) {
  const double power = std::pow(10, std::floor(std::log10(most / lines)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (most / (factor * power) <= lines) return factor * power;
  }
  return 10 * power;
}

double width_of(Place place) { return place == Place::wide ? 720 : 360; }

// No clock tells less than a nanosecond; a figure too small to be divided by gives no picture.
SecondsScale::SecondsScale(double longest, Place place, double left)
    : left_(left),
      right_(width_of(place) - 2 * k_margin),
      step_(step_for(std::max(longest, 1e-9), place == Place::wide ? 8 : 5)),
      most_(step_ * std::ceil(std::max(longest, 1e-9) / step_ * 0.9999)) {}

double SecondsScale::x(double seconds) const { return left_ + seconds / most_ * (right_ - left_); }

std::string SecondsScale::grid(double top, double bottom) const {
  std::string lines;
  for (int i = 0; step_ * i <= most_ * 1.0001; ++i) {
    lines += fmt::format("M{:.1f} {:.1f}V{:.1f}", x(step_ * i), top, bottom);
  }
  return fmt::format("<path class=\"grid\" d=\"{}\"/>\n", lines);
}

std::string SecondsScale::axis(double bottom, const std::string& meaning) const {
  std::string out;
  for (int i = 0; step_ * i <= most_ * 1.0001; ++i) {
    out += label(x(step_ * i), bottom + 18, "middle", fmt::format("{:g}", step_ * i));
  }
  return out + label((left_ + right_) / 2, bottom + 36, "middle", meaning);
}

Legend legend(const std::vector<Key>& keys, double top, Place place) {
  constexpr double k_row = 20;
  constexpr double k_mark = 18;
  constexpr double k_letter = 7;  // no wider on average
  constexpr double k_gap = 16;
  const std::size_t longest = place == Place::wide ? 60 : 40;
  std::string out;
  double x = k_margin;
  double y = top;
  for (const Key& key : keys) {
    const std::string text = shortened(key.text, longest);
    const double width = k_mark + k_letter * static_cast<double>(text.size());
    if (x > k_margin && x + width > width_of(place) - k_margin) {
      x = k_margin;
      y += k_row;
    }
    switch (key.mark) {
      case Key::Mark::area:
        out += fmt::format(
            "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"12\"/>\n",
            key.style, x, y);
        break;
      case Key::Mark::line:
        out +=
            fmt::format("<path class=\"line {}\" d=\"M{:.1f} {:.1f}h14\"/>\n", key.style, x, y + 6);
        break;
      case Key::Mark::dot:
        out += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.6\"/>\n",
                           key.style, x + 6, y + 6);
        break;
    }
    out += label(x + k_mark, y + 10, "start", text);
    x += width + k_gap;
  }
  return {out, keys.empty() ? 0 : y + k_row - top};
}

}  // namespace coldload::charts::svg
