// What was measured at other times: experiments in the records that are not taken together with the
// latest one, the same paths before and after whatever changed, and the user's own baseline.
#include <map>

#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/changes.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

// `words`, and what else changed.
std::string joined_changes(std::vector<std::string> words, const Comparison& then,
                           const Comparison& now) {
  for (std::string& word : changes_between(then, now)) words.push_back(std::move(word));
  return joined(words);
}

std::string ratio_text(const Contrast& contrast) {
  if (!contrast.ratio_ci) return times_cell(contrast.ratio);
  return fmt::format("{} ({} to {})", in_times(*contrast.ratio), in_times(contrast.ratio_ci->low),
                     in_times(contrast.ratio_ci->high));
}

std::string left_out_text(std::size_t count) {
  if (count == 0) return "";
  return fmt::format(
      "\n{} earlier ones are in the records and not in this table. `coldload report` of fewer "
      "files shows them.\n",
      count);
}

// The phases of the median trial that are not next to nothing, in their order.
std::string phases_of(const Arm& arm) {
  const records::Trial* trial = median_trial(arm.cold);
  if (trial == nullptr) return "";
  constexpr double k_least = 0.01;  // of the whole
  std::vector<std::string> out;
  const auto add = [&](const std::string& what, double seconds) {
    if (seconds >= k_least * *trial->load_s) {
      out.push_back(fmt::format("{} {}", what, in_seconds(seconds)));
    }
  };
  std::vector<std::string> names;
  for (const records::TrialPhase& phase : trial->phases) add_once(phase.name, &names);
  for (const std::string& name : names) {
    add(markdown_text(name), records::phase_seconds(*trial, name).value_or(0));
  }
  if (trial->unattributed_s) add("unattributed", *trial->unattributed_s);
  return fmt::format("{}", fmt::join(out, ", "));
}

// What an experiment with the same model and server has otherwise than the latest one.
std::string difference_text(const Comparison& other, const Arm& arm, const Comparison& latest) {
  if (other.model != latest.model || other.facts.target != latest.facts.target) return "";
  for (const bool by_label : {true, false}) {
    for (const Arm& now : latest.arms) {
      const bool is_same =
          by_label ? now.facts.label == arm.facts.label : now.facts.path == arm.facts.path;
      if (is_same) return joined_changes(changes_between(arm, now), other, latest);
    }
  }
  return joined_changes({"path"}, other, latest);
}

}  // namespace

std::string baseline_section(const Comparison& comparison) {
  const records::ExperimentFacts& facts = comparison.facts;
  if (facts.baseline.empty()) return "";
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> values;
  for (const records::BaselineFigure& figure : facts.baseline) {
    if (values[figure.storage_mode].empty()) order.push_back(figure.storage_mode);
    values[figure.storage_mode].push_back(figure.load_s);
  }
  std::map<std::string, statistics::Summary> now;
  for (const Arm& arm : comparison.arms) {
    for (const Mode* mode : arm.modes()) {
      if (mode->load_s) now.emplace(mode->label, *mode->load_s);
    }
  }
  Table table = table_of({"mode"}, {"baseline", "min-max", "runs", "now", "now / baseline"});
  for (const std::string& mode : order) {
    const statistics::Summary then = *statistics::summarize(values[mode]);
    table.rows.push_back(
        {mode.empty() ? "(no mode given)" : markdown_code(mode), in_seconds(then.median),
         then.n > 1 ? in_seconds({then.min, then.max}) : "", fmt::format("{}", then.n)});
    const auto same = now.find(mode);
    if (same == now.end()) continue;
    table.rows.back().push_back(in_seconds(same->second.median));
    table.rows.back().push_back(then.median > 0 ? in_times(same->second.median / then.median) : "");
  }
  return fmt::format(
      "## Beside the baseline\n\n{}\nThe baseline's figures come from {} and are taken as they "
      "are. "
      "Whether model, machine and caches were the same is not on record.\n\n",
      markdown_table(table), markdown_code(facts.baseline_file));
}

std::string before_and_after_section(const std::vector<Comparison>& comparisons) {
  Table table =
      table_of({"path"}, {"before", "now", "now / before"}, {"rank test", "changed", "before was"});
  const Comparison& now = comparisons.front();
  for (std::size_t index = 1; index < comparisons.size(); ++index) {
    const Comparison& then = comparisons[index];
    if (then.model != now.model || then.facts.target != now.facts.target) continue;
    for (const Arm& arm : now.arms) {
      for (const Arm& earlier : then.arms) {
        if (earlier.facts.label != arm.facts.label) continue;
        if (!earlier.is_measured() || !arm.is_measured()) continue;
        const Contrast contrast = findings::contrast_of(earlier.cold.values_s, arm.cold.values_s);
        table.rows.push_back({name_of(arm), with_runs(*earlier.cold.load_s),
                              with_runs(*arm.cold.load_s), ratio_text(contrast),
                              contrast.p_value ? p_text(*contrast.p_value) : "",
                              joined_changes(changes_between(earlier, arm), then, now),
                              joined_code(then.experiments)});
      }
    }
  }
  if (table.rows.empty()) return "";
  return "## Before and after\n\nThe same model, server and labels, measured in other "
         "experiments:\n\n" +
         markdown_table(table) +
         "\nFrom 5 runs each on, the ratio of medians has its 95 % interval beside it. \"Changed\" "
         "is "
         "what the records tell. What else changed is not known, nor which change counts.\n\n";
}

std::string others_section(const std::vector<Comparison>& comparisons) {
  if (comparisons.size() < 2) return "";
  Table table = table_of({"model", "target", "path", "directory"}, {"trials", "median"},
                         {"of its median trial", "differs in", "experiments"});
  for (std::size_t index = 1; index < comparisons.size(); ++index) {
    const Comparison& other = comparisons[index];
    for (const Arm& arm : other.arms) {
      table.rows.push_back(
          {markdown_text(other.model), markdown_code(other.facts.target), name_of(arm),
           markdown_code(arm.facts.path), fmt::format("{}", arm.cold.trials.size()),
           arm.is_measured() ? time_of(arm) : "", phases_of(arm),
           difference_text(other, arm, comparisons.front()), joined_code(other.experiments)});
    }
  }
  return "## Other experiments in these records\n\nThese runs count in no figure above: model, "
         "server, setting, machine, path or build of coldload's own loader was another.\n\n" +
         markdown_table(table) + left_out_text(comparisons.front().not_made) + '\n';
}

}  // namespace coldload::report
