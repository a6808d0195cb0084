#include "cli/conditions.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command.h"
#include "findings/comparison.h"
#include "measure/subject.h"
#include "os/error.h"
#include "report/summary.h"

namespace coldload::cli {

void add_condition_flag(CLI::App* app, std::vector<findings::Condition>* conditions) {
  const auto add_all = [=](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      conditions->push_back(
          as_usage([&] { return findings::parse_condition(text); }, "--fail-if: "));
    }
  };
  app->add_option_function<std::vector<std::string>>(
         "--fail-if", add_all,
         "exit with 4 where it holds: 'ratio>3', 'load_s.net>60', 'efficiency.nvme<0.5'")
      ->type_name("CONDITION")
      ->allow_extra_args(false);
}

void check_conditions(const std::vector<findings::Condition>& conditions,
                      const measure::Plan& plan) {
  const std::vector<std::string> labels = measure::labels_of(plan);
  const auto there = std::find_if(plan.arms.begin(), plan.arms.end(),
                                  [](const auto& arm) { return arm.missing.empty(); });
  const std::string first = there == plan.arms.end() ? "" : there->label;
  std::vector<std::string> others = labels;  // what is held against the first
  std::erase(others, first);
  const auto has = [](const std::vector<std::string>& list, std::string_view label) {
    return std::find(list.begin(), list.end(), label) != list.end();
  };
  for (const findings::Condition& condition : conditions) {
    const std::string& mode = condition.mode;
    if (findings::is_of_pair(condition.figure)) {
      if (mode.empty() ? !others.empty() : has(others, mode)) continue;
      throw UsageError(fmt::format(
          "--fail-if {}: that is a figure of a path against the first, of which there are {}",
          condition.text, others.empty() ? "none" : fmt::format("{}", fmt::join(others, ", "))));
    }
    const std::size_t own = measure::own_suffix_of(mode).size();
    if (has(labels, mode) || has(labels, mode.substr(0, mode.size() - own))) continue;
    throw UsageError(fmt::format("--fail-if {}: there is no path '{}'; there are {}",
                                 condition.text, mode, fmt::join(labels, ", ")));
  }
}

bool any_holds(const std::vector<findings::Condition>& conditions,
               const std::vector<findings::Comparison>& comparisons) {
  if (conditions.empty()) return false;
  if (comparisons.empty()) throw os::Error("--fail-if: there is no trial on record");
  bool holds = false;
  for (const findings::Condition& condition : conditions) {
    const findings::Examined examined = findings::examine(condition, comparisons.front());
    print_err("coldload: {}{}\n", examined.fulfilled ? "failed: " : "",
              report::condition_sentence(condition, examined));
    holds = holds || examined.fulfilled;
  }
  return holds;
}

}  // namespace coldload::cli
