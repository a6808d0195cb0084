// Experiments in the records that are not taken together with the latest one: what they measured,
// and the same paths before and after whatever changed.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/changes.h"
#include "report/dominance.h"
#include "report/sections.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/table.h"

namespace coldload::report {

namespace {

using text::Align;
using text::markdown_code;
using text::markdown_text;
using text::Table;

std::string ids_of(const Comparison& comparison) {
  std::vector<std::string> ids;
  for (const std::string& id : comparison.experiments) ids.push_back(markdown_code(id));
  return joined(ids);
}

std::string joined_changes(const Comparison& then, const Arm& then_arm, const Comparison& now,
                           const Arm& now_arm) {
  std::vector<std::string> words = changes_between(then_arm, now_arm);
  for (std::string& word : changes_between(then, now)) words.push_back(std::move(word));
  return joined(words);
}

std::string ratio_text(const Contrast& contrast) {
  if (!contrast.ratio) return "";
  return contrast.ratio_ci
             ? fmt::format("{} ({} to {})", in_times(*contrast.ratio),
                           in_times(contrast.ratio_ci->low), in_times(contrast.ratio_ci->high))
             : in_times(*contrast.ratio);
}

std::string median_text(const Arm& arm) {
  return fmt::format("{} ({})", in_seconds(arm.cold.load_s->median), runs(arm.cold.load_s->n));
}

std::string before_and_after(const std::vector<Comparison>& comparisons) {
  Table table{{{"path"},
               {"before", Align::right},
               {"now", Align::right},
               {"now / before", Align::right},
               {"rank test"},
               {"changed"},
               {"before was"}},
              {}};
  const Comparison& now = comparisons.front();
  for (std::size_t index = 1; index < comparisons.size(); ++index) {
    const Comparison& then = comparisons[index];
    if (then.model != now.model || then.facts.target != now.facts.target) continue;
    for (const Arm& arm : now.arms) {
      for (const Arm& earlier : then.arms) {
        if (earlier.facts.label != arm.facts.label) continue;
        if (!earlier.is_measured() || !arm.is_measured()) continue;
        const Contrast contrast = findings::contrast_of(earlier.cold.values_s, arm.cold.values_s);
        table.rows.push_back({name_of(arm), median_text(earlier), median_text(arm),
                              ratio_text(contrast),
                              contrast.p_value ? p_text(*contrast.p_value) : "",
                              joined_changes(then, earlier, now, arm), ids_of(then)});
      }
    }
  }
  if (table.rows.empty()) return "";
  return "## Before and after\n\nThe same model, server and labels, measured in other "
         "experiments:\n\n" +
         text::markdown_table(table) +
         "\nThe ratio of medians has its 95 % interval beside it from 5 runs each on. What changed "
         "is what the records tell; what else did is not known, nor which of it counts.\n\n";
}

// The phases of the median trial that are not next to nothing, in their order.
std::string phases_of(const Arm& arm) {
  const records::Record* trial = median_trial(arm.cold);
  if (trial == nullptr) return "";
  constexpr double k_least = 0.01;  // of the whole
  std::string out;
  std::set<std::string> told;
  for (const records::Phase& phase : trial->phases) {
    if (!told.insert(phase.name).second) continue;
    const double seconds = records::phase_seconds(*trial, phase.name).value_or(0);
    if (seconds < k_least * *trial->load_s) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", markdown_text(phase.name),
                       in_seconds(seconds));
  }
  if (trial->unattributed_s && *trial->unattributed_s >= k_least * *trial->load_s) {
    out += fmt::format("{}unattributed {}", out.empty() ? "" : ", ",
                       in_seconds(*trial->unattributed_s));
  }
  return out;
}

// What an experiment with the same model and server has otherwise than the latest one.
std::string difference_text(const Comparison& other, const Arm& arm, const Comparison& latest) {
  if (other.model != latest.model || other.facts.target != latest.facts.target) return "";
  for (const bool by_label : {true, false}) {
    for (const Arm& now : latest.arms) {
      const bool is_same =
          by_label ? now.facts.label == arm.facts.label : now.facts.path == arm.facts.path;
      if (is_same) return joined_changes(other, arm, latest, now);
    }
  }
  std::vector<std::string> words{"path"};
  for (std::string& word : changes_between(other, latest)) words.push_back(std::move(word));
  return joined(words);
}

}  // namespace

std::string others_section(const std::vector<Comparison>& comparisons) {
  if (comparisons.size() < 2) return "";
  Table table{{{"model"},
               {"target"},
               {"path"},
               {"directory"},
               {"trials", Align::right},
               {"median", Align::right},
               {"of its median trial"},
               {"differs in"},
               {"experiments"}},
              {}};
  for (std::size_t index = 1; index < comparisons.size(); ++index) {
    const Comparison& other = comparisons[index];
    for (const Arm& arm : other.arms) {
      table.rows.push_back(
          {markdown_text(other.model), markdown_code(other.facts.target), name_of(arm),
           markdown_code(arm.facts.path), fmt::format("{}", arm.cold.trials.size()),
           arm.is_measured() ? in_seconds(arm.cold.load_s->median) : "", phases_of(arm),
           difference_text(other, arm, comparisons.front()), ids_of(other)});
    }
  }
  return before_and_after(comparisons) +
         "## Other experiments in these records\n\nAnother model or size of it, target, command, "
         "variable or setting of the server, machine, cold policy, path or stand-in, or of "
         "coldload's own loader another build: not taken together with the above.\n\n" +
         text::markdown_table(table) + '\n';
}

}  // namespace coldload::report
