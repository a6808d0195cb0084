// Whether reading the weights beside the server's start pays.
#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/claims.h"
#include "report/sections.h"
#include "report/wording.h"
#include "text/json.h"

namespace coldload::report {

namespace {

// In how many of its runs nothing was read ahead, and why, in the words of the first.
std::string not_read(const Arm& without, const Arm& with) {
  const Trials trials = not_read_ahead(with);
  if (trials.empty()) return "";
  const std::string_view why = trials.front()->reported.not_read_ahead.value_or("");
  return fmt::format(
      "**In {} of {} starts by `coldload run` nothing of {} was read while the server started:** "
      "{}",
      trials.size(), with.cold.trials.size(), name_of(without), sentence(markdown_text(why)));
}

}  // namespace

std::string prefetch_section(const Comparison& comparison) {
  std::string out;
  for (std::size_t with = 0; with < comparison.arms.size(); ++with) {
    const std::string& label = comparison.arms[with].facts.prefetch_of;
    if (label.empty()) continue;
    for (std::size_t without = 0; without < comparison.arms.size(); ++without) {
      if (comparison.arms[without].facts.label != label) continue;
      std::string answer = not_read(comparison.arms[without], comparison.arms[with]);
      if (answer.empty()) {
        answer = answer_of_reading_ahead(comparison, contrast_of(comparison, without, with));
      }
      if (!answer.empty()) out += answer + "\n\n";
    }
  }
  if (out.empty()) return "";
  return "## Read the weights while the server starts?\n\n" + out +
         "To do so: `coldload run PATH -- SERVER...`. The server's command does not change.\n\n";
}

}  // namespace coldload::report
