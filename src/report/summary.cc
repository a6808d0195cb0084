#include "report/summary.h"

#include <fmt/format.h>

#include "report/terms.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/table.h"
#include "text/units.h"

namespace coldload::report {

namespace {

using text::Align;

std::vector<std::string> row_of(const Comparison& comparison, const Arm& arm, const Mode& mode) {
  std::vector<std::string> row{mode.label, fmt::format("{}", mode.trials.size())};
  if (!mode.load_s) return row;
  row.push_back(in_seconds(mode.load_s->median));
  row.push_back(in_seconds(mode.load_s->min));
  row.push_back(in_seconds(mode.load_s->max));
  const auto rate = reading_rate_of(comparison, arm, mode);
  row.push_back(rate ? text::format_rate(*rate) : "");
  return row;
}

std::string contrast_line(const Comparison& comparison, const Contrast& contrast) {
  if (!contrast.ratio) return "";
  std::string line = fmt::format(
      "{} / {}: ratio {}", text::one_line(comparison.arms[contrast.second].facts.label),
      text::one_line(comparison.arms[contrast.first].facts.label), in_times(*contrast.ratio));
  if (contrast.ratio_ci) {
    line += fmt::format(" (95 % interval {} to {})", in_times(contrast.ratio_ci->low),
                        in_times(contrast.ratio_ci->high));
  }
  line += fmt::format(", difference {}", signed_seconds(*contrast.difference_s));
  switch (claim_of(comparison, contrast)) {
    case Claim::single_runs:
      return line + "; single runs: no claim\n";
    case Claim::separated:
      return line + "; ranges apart, too few runs for a test\n";
    case Claim::not_shown:
      return line + fmt::format("; not told from chance ({})\n", p_text(*contrast.p_value));
    case Claim::mixed:
      return line + fmt::format("; {}, but not by the medians\n", p_text(*contrast.p_value));
    default:
      return line + fmt::format(", {}\n", p_text(*contrast.p_value));
  }
}

}  // namespace

std::string terminal_summary(const records::Dataset& dataset) {
  const std::vector<Comparison> comparisons = findings::compare(dataset);
  if (comparisons.empty()) return "no trial on record\n";
  const Comparison& comparison = comparisons.front();
  text::Table table{{{"mode"},
                     {"trials", Align::right},
                     {"median", Align::right},
                     {"min", Align::right},
                     {"max", Align::right},
                     {"storage rate", Align::right}},
                    {}};
  std::string below;
  for (const Arm& arm : comparison.arms) {
    table.rows.push_back(row_of(comparison, arm, arm.cold));
    if (arm.warm.load_s) table.rows.push_back(row_of(comparison, arm, arm.warm));
    for (const Mode& mode : arm.other_modes) table.rows.push_back(row_of(comparison, arm, mode));
    const std::string label = text::one_line(arm.facts.label);
    if (!arm.left_out.empty()) {
      below += fmt::format(
          "{}: {} left out; reasons in the report\n", label,
          arm.left_out.size() == 1 ? "one trial" : fmt::format("{} trials", arm.left_out.size()));
    }
    if (arm.facts.placeholder && arm.cold.trials.empty()) {
      below +=
          fmt::format("{}: still to be measured: {}\n", label, text::one_line(arm.facts.missing));
    }
  }
  std::string out = text::plain_table(table);
  for (const Contrast& contrast : comparison.contrasts) out += contrast_line(comparison, contrast);
  for (const records::SameStorage& pair : comparison.facts.same_storage) {
    out += "same storage: " + text::one_line(to_string(pair)) + '\n';
  }
  return out + below;
}

}  // namespace coldload::report
