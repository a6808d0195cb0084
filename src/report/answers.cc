#include "report/answers.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "report/caveats.h"
#include "report/claims.h"
#include "report/dominance.h"
#include "report/wording.h"
#include "text/escape.h"

namespace coldload::report {

namespace {

std::string answer_without_contrast(const Comparison& comparison) {
  std::vector<std::string> figures;
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_measured()) continue;
    const statistics::Summary& load = *arm.cold.load_s;
    figures.push_back(load.n == 1
                          ? fmt::format("{} loads in {} (one run, so its spread is unknown)",
                                        name_of(arm), in_seconds(load.median))
                          : fmt::format("{} loads in {} (median of {}, {} to {})", name_of(arm),
                                        in_seconds(load.median), runs(load.n), in_seconds(load.min),
                                        in_seconds(load.max)));
  }
  return figures.empty() ? "" : fmt::format("**{}.**", joined(figures));
}

// What is missing, for an arm without a usable cold trial.
std::string answer_missing(const Arm& arm) {
  if (arm.is_open()) {
    return fmt::format(
        "{} is still to be measured{}{}. How to run it: see \"Still to be measured\".",
        name_of(arm), arm.facts.missing.empty() ? "" : ": ",
        text::markdown_text(arm.facts.missing));
  }
  const std::size_t failed = static_cast<std::size_t>(std::count_if(
      arm.left_out.begin(), arm.left_out.end(),
      [&arm](const records::Record* trial) { return trial->storage_mode == arm.cold.label; }));
  if (failed == 0) return fmt::format("{} has no cold trial on record.", name_of(arm));
  return fmt::format(
      "{} has no usable cold time: {}. The reasons are under \"What to doubt\"; what was measured "
      "is not averaged.",
      name_of(arm),
      failed == 1 ? "its one trial is not what it should be"
                  : fmt::format("none of its {} trials is what it should be", failed));
}

}  // namespace

std::vector<std::string> answers_of(const Comparison& comparison) {
  std::vector<std::string> answers;
  const auto add = [&answers](std::string answer) {
    if (!answer.empty()) answers.push_back(std::move(answer));
  };
  if (main_contrast(comparison) == nullptr) add(answer_without_contrast(comparison));
  for (const Contrast& contrast : comparison.contrasts) {
    // Those questions have sections of their own.
    if (!comparison.arms[contrast.second].is_plain()) continue;
    add(answer_for(comparison, contrast));
  }
  add(storage_in_short(comparison));
  for (std::string& caveat : caveats_of(comparison)) add(std::move(caveat));
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_measured()) add(answer_missing(arm));
  }
  if (loads_only(comparison) && !comparison.trials.empty()) {
    add("The target is coldload's own loader: times are for loading the weights alone. A server "
        "adds its start, compilation and warm-up to them.");
  }
  return answers;
}

}  // namespace coldload::report
