// Experiments in the records that are not taken together with the latest one: what they measured,
// and the same paths before and after whatever changed.
#include <algorithm>

#include <fmt/format.h>

#include "measure/floor_json.h"
#include "report/sections.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/json.h"
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

std::string gpus_of(const measure::ExperimentFacts& facts) {
  std::vector<std::string> names;
  for (const text::json::object& gpu : measure::objects_in(facts.environment, "gpus")) {
    names.push_back(text::string_at(gpu, "name").value_or(""));
  }
  return joined(names);
}

std::vector<std::string> server_of(const measure::ExperimentFacts& facts) {
  const auto dashes = std::find(facts.command.begin(), facts.command.end(), "--");
  return {dashes, facts.command.end()};
}

std::string server_version_of(const measure::ExperimentFacts& facts) {
  return text::string_at(measure::object_in(facts.environment, "server"), "installed_version")
      .value_or("");
}

std::string stand_in_of(const Arm& arm) {
  return arm.facts.stand_in ? arm.facts.stand_in->spec : "none";
}

// What differs between two experiments for one path, as far as the records tell.
std::string changed(const Comparison& then, const Arm& then_arm, const Comparison& now,
                    const Arm& now_arm) {
  std::vector<std::string> words;
  const auto add = [&words](const char* what, const std::string& before, const std::string& after) {
    if (before == after) return;
    words.push_back(fmt::format("{} ({}, now {})", what,
                                before.empty() ? "not known" : markdown_text(before),
                                after.empty() ? "not known" : markdown_text(after)));
  };
  const auto length_of = [](const Comparison& comparison) {
    return comparison.max_model_len ? fmt::format("{}", *comparison.max_model_len) : "";
  };
  add("path", then_arm.facts.path, now_arm.facts.path);
  add("stand-in", stand_in_of(then_arm), stand_in_of(now_arm));
  add("CPU", text::string_at(then.facts.environment, "cpu").value_or(""),
      text::string_at(now.facts.environment, "cpu").value_or(""));
  add("GPU", gpus_of(then.facts), gpus_of(now.facts));
  add("server version", server_version_of(then.facts), server_version_of(now.facts));
  add("max\\_model\\_len", length_of(then), length_of(now));
  add("cold policy", then.facts.cold_policy, now.facts.cold_policy);
  if (server_of(then.facts) != server_of(now.facts)) words.emplace_back("the server's command");
  if (pinned_flags_of(then.facts) != pinned_flags_of(now.facts)) {
    words.emplace_back("the flags that coldload adds");
  }
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
        const Contrast contrast = contrast_of(earlier.cold, arm.cold);
        table.rows.push_back({name_of(arm), median_text(earlier), median_text(arm),
                              ratio_text(contrast),
                              contrast.p_value ? p_text(*contrast.p_value) : "",
                              changed(then, earlier, now, arm), ids_of(then)});
      }
    }
  }
  if (table.rows.empty()) return "";
  return "## Before and after\n\nThe same model, server and labels, measured in other "
         "experiments:\n\n" +
         text::markdown_table(table) +
         "\nThe ratio of medians has its 95 % interval beside it from 5 runs each on. What changed "
         "is "
         "what the records tell; what else did is not known, nor which of it counts.\n\n";
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
               {"experiments"}},
              {}};
  for (std::size_t index = 1; index < comparisons.size(); ++index) {
    const Comparison& other = comparisons[index];
    for (const Arm& arm : other.arms) {
      table.rows.push_back(
          {markdown_text(other.model), markdown_code(other.facts.target), name_of(arm),
           markdown_code(arm.facts.path), fmt::format("{}", arm.cold.trials.size()),
           arm.is_measured() ? in_seconds(arm.cold.load_s->median) : "", ids_of(other)});
    }
  }
  return before_and_after(comparisons) +
         "## Other experiments in these records\n\nAnother model, target, machine, cold policy, "
         "path "
         "or stand-in: not taken together with the above.\n\n" +
         text::markdown_table(table) + '\n';
}

}  // namespace coldload::report
