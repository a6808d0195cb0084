#include "cli/conditions.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command.h"
#include "findings/comparison.h"
#include "os/error.h"
#include "report/condition_sentence.h"

namespace coldload::cli {

void add_condition_flag(CLI::App* app, std::vector<std::string>* texts) {
  app->add_option("--fail-if", *texts,
                  "exit with 4 where it holds: 'ratio>3', 'load_s.net>60', 'efficiency.nvme<0.5'")
      ->allow_extra_args(false);
}

std::vector<findings::Condition> parse_conditions(const std::vector<std::string>& texts) {
  std::vector<findings::Condition> conditions;
  for (const std::string& text : texts) {
    try {
      conditions.push_back(findings::parse_condition(text));
    } catch (const os::Error& error) {
      throw UsageError(fmt::format("--fail-if: {}", error.what()));
    }
  }
  return conditions;
}

void check_conditions(const std::vector<findings::Condition>& conditions,
                      const std::vector<std::string>& labels) {
  for (const findings::Condition& condition : conditions) {
    const std::string& mode = condition.mode;
    if (findings::is_of_pair(condition.figure)) {
      const bool is_later = std::find(labels.begin() + 1, labels.end(), mode) != labels.end();
      if (labels.size() > 1 && (mode.empty() || is_later)) continue;
      throw UsageError(fmt::format(
          "--fail-if {}: that is a figure of a path against the first, of which there are {}",
          condition.text,
          labels.size() < 2
              ? "none"
              : fmt::format("{}", fmt::join(labels.begin() + 1, labels.end(), ", "))));
    }
    const bool known = std::any_of(labels.begin(), labels.end(), [&](const auto& label) {
      return mode == label || mode == label + "_warm" || mode == label + "_hot";
    });
    if (known) continue;
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
    fmt::print(stderr, "coldload: {}{}\n", examined.fulfilled ? "failed: " : "",
               report::condition_sentence(condition, examined));
    holds = holds || examined.fulfilled;
  }
  return holds;
}

}  // namespace coldload::cli
