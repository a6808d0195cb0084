#include "report/summary.h"

#include <fmt/format.h>

#include "findings/herd.h"
#include "findings/layers.h"
#include "report/claims.h"
#include "report/layer_claims.h"
#include "report/plain_text.h"
#include "report/sections.h"
#include "report/wording.h"
#include "text/escape.h"

namespace coldload::report {

namespace {

std::vector<std::string> row_of(const Comparison& comparison, const Arm& arm, const Mode& mode) {
  std::vector<std::string> row{mode.label, fmt::format("{}", mode.trials.size())};
  if (!mode.load_s) return row;
  row.push_back(in_seconds(mode.load_s->median));
  row.push_back(in_seconds(mode.load_s->min));
  row.push_back(in_seconds(mode.load_s->max));
  row.push_back(rate_cell(reading_rate_of(comparison, arm, mode)));
  return row;
}

std::string contrast_line(const Comparison& comparison, const Contrast& contrast) {
  if (!contrast.ratio) return "";
  return fmt::format("{} / {}: ratio {}{}, difference {}{}\n",
                     text::one_line(comparison.arms[contrast.second].facts.label),
                     text::one_line(comparison.arms[contrast.first].facts.label),
                     in_times(*contrast.ratio), interval_note(contrast.ratio_ci),
                     signed_seconds(*contrast.difference_s), claim_in_short(contrast));
}

}  // namespace

std::string terminal_summary(const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return "no trial on record\n";
  const Comparison& comparison = comparisons.front();
  Table table = table_of({"mode"}, {"trials", "median", "min", "max", "storage rate"});
  std::string below;
  for (const Arm& arm : comparison.arms) {
    for (const Mode* mode : arm.modes()) {
      const bool is_expected = mode != &arm.warm && findings::herds_of(comparison).empty();
      if (!is_expected && !mode->load_s) continue;
      table.rows.push_back(row_of(comparison, arm, *mode));
    }
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
  for (const std::string& answer : answers_about_ways(comparison, nullptr)) {
    out += plain_text(answer) + '\n';
  }
  for (const findings::LayersOfArm& layers : findings::layers_of(comparison)) {
    if (!comparison.arms[layers.arm].is_plain()) continue;
    out += plain_text(answer_for_layers(comparison, layers)) + '\n';
  }
  for (const std::string& answer : answers_about_herds(comparison, nullptr)) {
    out += plain_text(answer) + '\n';
  }
  for (const records::SameStorage& pair : comparison.facts.same_storage) {
    out += "same storage: " + text::one_line(to_string(pair)) + '\n';
  }
  for (const DifferentWeights& different : findings::different_weights(comparison)) {
    out += fmt::format(
        "different weights: {}\n",
        different_weights_text(text::one_line(different.first->facts.label), different.of_first,
                               text::one_line(different.second->facts.label), different.of_second));
  }
  return out + below + plain_text(title_of(comparison)) + '\n';
}

std::string condition_sentence(const findings::Condition& condition,
                               const findings::Examined& examined) {
  if (!examined.value) return fmt::format("{} is not known: {}", condition.name, condition.text);
  return fmt::format("{} is {:.4g}, {}{} {:g}", condition.name, *examined.value,
                     examined.fulfilled ? "" : "not ", condition.above ? "above" : "below",
                     condition.limit);
}

}  // namespace coldload::report
