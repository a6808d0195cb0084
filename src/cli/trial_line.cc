#include "cli/trial_line.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "text/fitted.h"
#include "text/units.h"

namespace coldload::cli {

std::string to_text(const TrialLine& line, std::size_t width) {
  std::vector<text::LinePart> parts;
  const auto add = [&parts](int rank, std::string text) {
    parts.push_back({std::move(text), rank});
  };
  add(0, line.title.empty() ? line.step : fmt::format("{}: {}", line.title, line.step));
  add(1, fmt::format(" {:.0f} s", line.elapsed_s));
  if (line.expected_s) add(2, fmt::format(" of about {}", text::waiting_time(*line.expected_s)));
  if (line.bytes > 0 && line.total_bytes > 0) {
    add(4, fmt::format(", {} of {}", text::format_bytes(line.bytes),
                       text::format_bytes(line.total_bytes)));
    if (line.step_s > 0) {
      add(5, fmt::format(", {}", text::format_rate(static_cast<double>(line.bytes) / line.step_s)));
    }
  }
  if (line.left) {
    add(3, fmt::format("; {}{} left", line.left->at_least ? "at least " : "",
                       text::waiting_time(line.left->seconds)));
  }
  return text::fitted_line(std::move(parts), width);
}

}  // namespace coldload::cli
