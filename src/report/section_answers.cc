// What the answer is and how sure; and the figures of every path, which it rests on.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "findings/herd.h"
#include "findings/ways_to_start.h"
#include "report/claims.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

std::string cold_words(const Mode& mode, const Arm& arm) {
  if (is_after_copy(arm, mode))
    return fmt::format("{} straight after the copy", mode.values_s.size());
  std::map<records::Cold, std::size_t> counts;
  for (const records::Trial* trial : mode.trials) ++counts[trial->cold];
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

// How many trials of that mode count nowhere.
std::ptrdiff_t left_out_of(const Arm& arm, const Mode& mode) {
  return std::count_if(arm.left_out.begin(), arm.left_out.end(),
                       [&](const auto* trial) { return trial->storage_mode == mode.label; });
}

std::vector<std::string> row_of(const Comparison& comparison, const Mode& mode, const Arm& arm) {
  std::string trials = cold_words(mode, arm);
  if (const auto left_out = left_out_of(arm, mode); left_out > 0) {
    trials += fmt::format("{}{} left out", trials.empty() ? "" : "; ", left_out);
  }
  if (trials.empty()) {
    const bool is_to_come = &mode == &arm.cold && arm.is_open() && arm.left_out.empty();
    trials = is_to_come ? "to be measured" : "none";
  }
  std::vector<std::string> row{markdown_code(mode.label), trials, "", "", "", "", ""};
  if (!mode.load_s) return row;
  // Of a herd the time until all are ready is the one to go by.
  const std::string median = in_seconds(mode.load_s->median);
  row[2] = findings::is_of_herd(mode) ? median : fmt::format("**{}**", median);
  if (mode.load_s->n > 1) row[3] = in_seconds({mode.load_s->min, mode.load_s->max});
  row[4] = rate_cell(reading_rate_of(comparison, arm, mode));
  row[5] = mode.gpu_mem_mib ? fmt::format("{} MiB", std::llround(*mode.gpu_mem_mib)) : "";
  row[6] = seconds_cell(mode.first_token_s);
  return row;
}

// Why the column of GPU memory is empty, once.
std::string gpu_memory_note(const Comparison& comparison) {
  for (const records::Trial* trial : comparison.trials) {
    if (trial->status == records::Status::ok && !trial->gpu_mem_used_mb &&
        !trial->gpu_mem_source.empty()) {
      return fmt::format(" GPU memory is empty where it was not measured: {}",
                         sentence(markdown_text(trial->gpu_mem_source)));
    }
  }
  return "";
}

std::string answer_without_contrast(const Comparison& comparison) {
  std::vector<std::string> figures;
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_measured()) continue;
    const statistics::Summary& load = *arm.cold.load_s;
    const std::string spread = load.n == 1
                                   ? "one run, so its spread is unknown"
                                   : fmt::format("median of {}, {} to {}", runs(load.n),
                                                 in_seconds(load.min), in_seconds(load.max));
    figures.push_back(fmt::format("{} loads in {} ({})", name_of(arm), time_of(arm), spread));
  }
  return figures.empty() ? "" : fmt::format("**{}.**", joined(figures));
}

// Whether it was measured by several nodes, which is another answer's matter.
bool has_herds(const Arm& arm) {
  return std::any_of(arm.other_modes.begin(), arm.other_modes.end(), findings::is_of_herd) ||
         std::any_of(arm.left_out.begin(), arm.left_out.end(),
                     [](const records::Trial* trial) { return trial->herd != nullptr; });
}

// What is missing, for an arm without a usable cold trial.
std::string answer_missing(const Arm& arm) {
  if (arm.is_open()) {
    return fmt::format(
        "{} is still to be measured{}{}. How to run it: see \"Still to be measured\".",
        name_of(arm), arm.facts.missing.empty() ? "" : ": ", markdown_text(arm.facts.missing));
  }
  std::vector<std::string> instead;
  bool is_deeper = false;
  for (const Mode* mode : arm.instead_of_cold()) {
    const auto layer = findings::layer_of(*mode);
    is_deeper = is_deeper || layer == records::Layer::node || layer == records::Layer::first;
    instead.push_back(fmt::format("{} starts in {} (median of {})", markdown_code(mode->label),
                                  in_seconds(mode->load_s->median), runs(mode->load_s->n)));
  }
  if (!instead.empty()) {
    return fmt::format(
        "**{}.** {}", joined(instead),
        is_deeper ? "No run with the weights alone cold was made." : "No cold run was made.");
  }
  const auto failed = left_out_of(arm, arm.cold);
  if (failed == 0) return fmt::format("{} has no cold trial on record.", name_of(arm));
  return failed == 1 ? fmt::format(
                           "The one trial of {} does not count, so it has no cold time. \"What to "
                           "doubt\" says why.",
                           name_of(arm))
                     : fmt::format(
                           "None of the {} trials of {} counts, so it has no cold time. \"What to "
                           "doubt\" says why.",
                           failed, name_of(arm));
}

}  // namespace

std::vector<std::string> answers_of(const Comparison& comparison, Notes* notes) {
  std::vector<std::string> answers;
  const findings::WaysBasis ways = findings::basis_of_ways(comparison);
  const bool has_ways = !findings::ways_to_start(ways.comparison).empty();
  if (main_contrast(comparison) == nullptr && !has_ways) {
    answers.push_back(answer_without_contrast(comparison));
  }
  for (const Contrast& contrast : comparison.contrasts) {
    // Those questions have sections of their own.
    if (!comparison.arms[contrast.second].is_plain()) continue;
    const Answer answer = answer_for(comparison, contrast);
    if (answer.said.empty()) continue;
    answers.push_back(answer.said + notes->mark(answer.basis));
  }
  for (std::size_t i = 0; i < comparison.arms.size(); ++i) {
    const Arm& arm = comparison.arms[i];
    const bool is_compared = has_ways && ways.comparison.arms[i].is_measured();
    if (arm.is_measured() || has_herds(arm) || is_compared) continue;
    answers.push_back(answer_missing(arm));
  }
  std::erase(answers, "");
  return answers;
}

std::string paths_section(const Comparison& comparison) {
  Table table = table_of({"path", "trials"}, {"median", "min-max", "storage rate", "GPU memory"});
  for (const Arm& arm : comparison.arms) {
    for (const Mode* mode : arm.modes()) {
      const bool is_expected = mode != &arm.warm && (mode != &arm.cold || !has_herds(arm));
      const bool is_shown = is_expected || mode->load_s || left_out_of(arm, *mode) > 0;
      if (is_shown) table.rows.push_back(row_of(comparison, *mode, arm));
    }
  }
  const bool any_token = std::any_of(table.rows.begin(), table.rows.end(),
                                     [](const auto& row) { return !row.back().empty(); });
  if (any_token) {
    table.columns.push_back({"first token", text::Align::right});
  } else {
    for (std::vector<std::string>& row : table.rows) row.pop_back();
  }
  return "## What was measured\n\n" + markdown_table(table) +
         (loads_only(comparison)
              ? "\nTimes are of the whole load. The storage rate is what storage delivered over "
                "that "
                "time."
              : "\nTimes run from launch to ready: the first time that the server's health URL "
                "answers 200. The storage rate is what storage delivered over the seconds of the "
                "weights phase, where the server tells these.") +
         (any_token ? " First token is that of one request after ready; no other time holds it."
                    : "") +
         gpu_memory_note(comparison) + "\n\n";
}

}  // namespace coldload::report
