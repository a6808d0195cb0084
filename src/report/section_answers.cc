// The tables of the first screen: uses and paths; and what follows from them.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/budget.h"
#include "report/sections.h"
#include "report/terms.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/table.h"
#include "text/units.h"

namespace coldload::report {

namespace {

using text::Align;
using text::markdown_code;
using text::Table;

std::string cold_words(const Mode& mode, const Arm& arm) {
  if (is_after_copy(arm, mode))
    return fmt::format("{} straight after the copy", mode.values_s.size());
  std::map<records::Cold, std::size_t> counts;
  for (const records::Record* trial : mode.trials) ++counts[trial->cold];
  std::vector<std::string> words;
  for (const auto& [cold, count] : counts) {
    const char* word = cold == records::Cold::verified         ? "cold, verified"
                       : cold == records::Cold::not_cold       ? "not cold"
                       : cold == records::Cold::unknown        ? "cold not known"
                       : cold == records::Cold::not_applicable ? "cannot be cold"
                       : cold == records::Cold::warm           ? "warm"
                                                               : "cold not asked for";
    words.push_back(fmt::format("{} {}", count, word));
  }
  return joined(words);
}

std::string rate_or_empty(const std::optional<double>& rate) {
  return rate ? text::format_rate(*rate) : "";
}

std::vector<std::string> row_of(const Comparison& comparison, const Mode& mode, const Arm& arm) {
  std::string trials = cold_words(mode, arm);
  const auto left_out =
      std::count_if(arm.left_out.begin(), arm.left_out.end(),
                    [&](const auto* trial) { return trial->storage_mode == mode.label; });
  if (left_out > 0) trials += fmt::format("{}{} left out", trials.empty() ? "" : "; ", left_out);
  if (trials.empty()) trials = "none";
  std::vector<std::string> row{markdown_code(mode.label), trials, "", "", "", "", ""};
  if (!mode.load_s) return row;
  row[2] = fmt::format("**{}**", in_seconds(mode.load_s->median));
  if (mode.load_s->n > 1) row[3] = in_seconds({mode.load_s->min, mode.load_s->max});
  row[4] = rate_or_empty(reading_rate_of(comparison, arm, mode));
  row[5] = mode.gpu_mem_mib ? fmt::format("{} MiB", std::llround(*mode.gpu_mem_mib)) : "";
  row[6] = mode.first_token_s ? in_seconds(*mode.first_token_s) : "";
  return row;
}

// What arms are that are no paths.
std::string other_ways(const Comparison& comparison) {
  std::string out;
  for (const Arm& arm : comparison.arms) {
    if (!arm.facts.prefetch_of.empty()) {
      out += fmt::format(
          " {} is {} started by `coldload run`, which reads the weights while the server starts.",
          name_of(arm), markdown_code(arm.facts.prefetch_of));
    }
    if (!arm.facts.staged_from.empty()) {
      out += fmt::format(" {} is a copy of {} made by `coldload stage`.", name_of(arm),
                         markdown_code(arm.facts.staged_from));
    }
  }
  return out;
}

// Why the column of GPU memory is empty, once.
std::string gpu_memory_note(const Comparison& comparison) {
  for (const records::Record* trial : comparison.trials) {
    if (trial->status == records::Status::ok && !trial->gpu_mem_used_mb &&
        !trial->gpu_mem_source.empty()) {
      return fmt::format(" GPU memory is empty where it was not measured: {}",
                         sentence(text::markdown_text(trial->gpu_mem_source)));
    }
  }
  return "";
}

}  // namespace

std::string uses_section(const Comparison& comparison) {
  const bool anything = std::any_of(comparison.arms.begin(), comparison.arms.end(),
                                    [](const Arm& arm) { return arm.is_measured(); });
  if (!anything) return "";
  Table table{{{"use", Align::left}, {"budget", Align::right}}, {}};
  for (const Arm& arm : comparison.arms) table.columns.push_back({markdown_code(arm.facts.label)});
  bool any_by_user = false;
  bool any_default = false;
  for (const Budget& budget : budgets_of(comparison)) {
    any_by_user |= budget.by_user;
    any_default |= !budget.by_user;
    table.rows.push_back(
        {budget.use, fmt::format("{:g} s{}", budget.seconds, budget.by_user ? " (yours)" : "")});
    for (const Arm& arm : comparison.arms) {
      table.rows.back().push_back(fit_of(comparison, arm, budget.seconds));
    }
  }
  std::string out = text::markdown_table(table) + '\n';
  if (any_default) {
    out += any_by_user ? "Budgets not marked as yours are coldload's defaults"
                       : "Medians against budgets, which are coldload's defaults";
    out += "; set yours with `--budget user=30s`.";
  } else {
    out += "Medians against budgets, all of which are yours.";
  }
  out += other_ways(comparison);
  if (loads_only(comparison)) {
    out +=
        " They are held against loading alone: what is over the budget already is certainly over "
        "it with a server, what fits need not fit then.";
  }
  if (comparison.arms.size() > 2) {  // of two the answer itself says it
    for (const records::SameStorage& pair : comparison.facts.same_storage) {
      out += fmt::format(" {}; what differs between these times is not storage.",
                         text::markdown_text(to_string(pair)));
    }
  }
  return out + "\n\n";
}

std::string paths_section(const Comparison& comparison) {
  Table table{{{"path"},
               {"trials"},
               {"median", Align::right},
               {"min-max", Align::right},
               {"storage rate", Align::right},
               {"GPU memory", Align::right}},
              {}};
  for (const Arm& arm : comparison.arms) {
    table.rows.push_back(row_of(comparison, arm.cold, arm));
    if (arm.cold.trials.empty() && arm.facts.placeholder && arm.left_out.empty()) {
      table.rows.back()[1] = "to be measured";
    }
    const bool warm_left_out =
        std::any_of(arm.left_out.begin(), arm.left_out.end(),
                    [&](const auto* trial) { return trial->storage_mode == arm.warm.label; });
    if (arm.warm.load_s || warm_left_out) table.rows.push_back(row_of(comparison, arm.warm, arm));
    for (const Mode& mode : arm.other_modes) table.rows.push_back(row_of(comparison, mode, arm));
  }
  const bool any_token = std::any_of(table.rows.begin(), table.rows.end(),
                                     [](const auto& row) { return !row.back().empty(); });
  if (any_token) {
    table.columns.push_back({"first token", Align::right});
  } else {
    for (std::vector<std::string>& row : table.rows) row.pop_back();
  }
  return "## What was measured\n\n" + text::markdown_table(table) +
         (loads_only(comparison)
              ? "\nTimes are of the whole load. Storage rate: what storage delivered over that "
                "time."
              : "\nTimes are from launch to ready, the first time that the server's health URL "
                "answers 200. Storage rate: what storage delivered over the seconds of the weights "
                "phase; empty where the server does not tell it.") +
         (any_token ? " First token: of one request, made after ready; it is in no other time."
                    : "") +
         gpu_memory_note(comparison) + "\n\n";
}

std::string tolerance_section(const Comparison& comparison) {
  const std::vector<std::string> sentences = tolerance_of(comparison);
  if (sentences.empty()) return "";
  std::string out = "## How often can it be tolerated\n\n";
  for (const std::string& line : sentences) out += "- " + line + '\n';
  out += "\n864 s are 1 % of a day: coldload's example, not a limit of yours.\n\n";
  return out;
}

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
  Table table{{{"mode"},
               {"baseline", Align::right},
               {"min-max", Align::right},
               {"runs", Align::right},
               {"now", Align::right},
               {"now / baseline", Align::right}},
              {}};
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
      "## Beside the baseline\n\n{}\nThe baseline's figures are from {} and are taken as they are: "
      "whether it was the same model, machine and state of the caches is not on record here.\n\n",
      text::markdown_table(table), markdown_code(facts.baseline_file));
}

}  // namespace coldload::report
