#include "cli/plan_time.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "measure/arm_floor.h"
#include "measure/subject.h"
#include "statistics/statistics.h"
#include "text/fitted.h"

namespace coldload::cli {

namespace {

// The names of the trials that `plan` makes at least; those of a copy are not known beforehand.
std::vector<std::string> trials_of(const measure::Plan& plan,
                                   const std::vector<measure::Arm>& arms) {
  std::vector<std::string> trials;
  const std::uint64_t cold_runs =
      plan.count.automatic ? std::min<std::uint64_t>(plan.count.runs, statistics::k_least_n)
                           : plan.count.runs;
  for (const std::string& label : measure::labels_of(plan)) {
    const auto arm = std::find_if(arms.begin(), arms.end(), [&](const measure::Arm& path) {
      return std::any_of(plan.starts.begin(), plan.starts.end(), [&](const auto& start) {
        return measure::label_of(path.facts.label, start) == label;
      });
    });
    if (arm != arms.end() && arm->facts.placeholder) continue;
    trials.insert(trials.end(), plan.warm_up_runs, label + "_warmup");
    trials.insert(trials.end(), cold_runs, label);
    trials.insert(trials.end(), plan.node_runs, label + "_node");
    trials.insert(trials.end(), plan.first_runs, label + "_first");
    const bool has_warm_runs = arm != arms.end() && arm->cannot_warm.empty();
    if (has_warm_runs) trials.insert(trials.end(), plan.warm_runs, label + "_warm");
  }
  return trials;
}

}  // namespace

measure::Forecast known_beforehand(const measure::Plan& plan, const std::vector<measure::Arm>& arms,
                                   measure::Forecast earlier) {
  for (const measure::Arm& arm : arms) {
    if (!arm.facts.stand_in || arm.facts.placeholder) continue;
    const double least_s =
        static_cast<double>(arm.weight_bytes()) / arm.facts.stand_in->rate_bytes_per_s;
    for (const measure::StartRequest& start : plan.starts) {
      earlier.knows_least(measure::label_of(arm.facts.label, start), least_s);
    }
  }
  return earlier;
}

std::string time_of_plan(const measure::Plan& plan, const std::vector<measure::Arm>& arms,
                         const measure::Forecast& known) {
  const std::vector<std::string> trials = trials_of(plan, arms);
  const auto time = known.of(trials);
  if (!time) return "not known before the first runs";
  double seconds = time->seconds;
  if (measure::wants_floor(plan)) {
    seconds += static_cast<double>(arms.size()) * measure::k_arm_floor_s;
  }
  std::string text =
      fmt::format("at least {} for {} runs", text::waiting_time(seconds), trials.size());
  std::vector<std::string> unknown;
  for (const std::string& trial : trials) {
    if (known.of({&trial, 1})) continue;
    if (std::find(unknown.begin(), unknown.end(), trial) == unknown.end()) unknown.push_back(trial);
  }
  if (!unknown.empty()) {
    text += fmt::format("; not known before its first run: {}", fmt::join(unknown, ", "));
  }
  if (plan.count.automatic) {
    text += fmt::format("; --runs auto makes up to {} per path", plan.count.runs);
  }
  return text;
}

}  // namespace coldload::cli
