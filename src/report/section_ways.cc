// Which of several commands starts fastest from each path, and what else is to be known of that.
#include <algorithm>

#include <fmt/format.h>

#include "findings/setting.h"
#include "findings/ways_to_start.h"
#include "records/trial_figures.h"
#include "report/claims.h"
#include "report/sections.h"
#include "report/wording.h"
#include "text/escape.h"

namespace coldload::report {

namespace {

using findings::WaysOfPath;

std::string command_name(const Arm& arm) { return markdown_code(findings::command_of(arm)); }

std::string path_name(const WaysOfPath& ways) { return markdown_code(ways.path); }

// The loads' part of those starts, and its range; empty where the server's log does not tell it.
std::string weights_text(const Arm& arm) {
  std::vector<double> seconds;
  for (const records::Trial* trial : arm.cold.trials) {
    if (const auto one = records::phase_seconds(*trial, "weights")) seconds.push_back(*one);
  }
  const auto weights = statistics::summarize(seconds);
  if (!weights || weights->n != arm.cold.load_s->n) return "";
  return weights->n == 1 ? in_seconds(weights->median)
                         : fmt::format("{} ({})", in_seconds(weights->median),
                                       in_seconds({weights->min, weights->max}));
}

std::vector<std::string> row_of(const Comparison& comparison, const WaysOfPath& ways,
                                std::size_t index) {
  const Arm& arm = comparison.arms[index];
  const statistics::Summary& load = *arm.cold.load_s;
  std::vector<std::string> row{path_name(ways),
                               command_name(arm),
                               fmt::format("**{}**", in_seconds(load.median)),
                               load.n > 1 ? in_seconds({load.min, load.max}) : "",
                               weights_text(arm),
                               "",
                               "",
                               ""};
  const auto contrast = std::find_if(ways.contrasts.begin(), ways.contrasts.end(),
                                     [index](const Contrast& one) { return one.second == index; });
  if (contrast == ways.contrasts.end()) {
    row[5] = "the first";
    return row;
  }
  row[5] = signed_seconds(*contrast->difference_s);
  if (contrast->difference_ci) {
    row[6] = fmt::format("{} to {}", signed_seconds(contrast->difference_ci->low),
                         signed_seconds(contrast->difference_ci->high));
  }
  row[7] = contrast->claim == Claim::single_runs ? "one run" : p_text(*contrast->p_value);
  return row;
}

// Whether one command is the best from everywhere.
std::string across_paths(const Comparison& comparison, const std::vector<WaysOfPath>& ways) {
  if (ways.size() < 2) return "";
  std::vector<std::string> best;
  best.reserve(ways.size());
  for (const WaysOfPath& one : ways) {
    best.push_back(
        fmt::format("{} from {}", command_name(comparison.arms[one.fastest()]), path_name(one)));
  }
  if (findings::best_differs(comparison, ways)) {
    return fmt::format("**The fastest way differs between the paths:** {}. ", joined(best));
  }
  const std::string first = findings::command_of(comparison.arms[ways.front().fastest()]);
  const bool is_one = std::all_of(ways.begin(), ways.end(), [&](const WaysOfPath& one) {
    return findings::command_of(comparison.arms[one.fastest()]) == first;
  });
  if (is_one) {
    const bool any_told = std::any_of(ways.begin(), ways.end(), [](const WaysOfPath& one) {
      return findings::is_told_apart(findings::main_contrast(one));
    });
    return fmt::format("By their medians, {} is the fastest from every path{}. ",
                       markdown_code(first), any_told ? "" : "; chance may be why");
  }
  return fmt::format(
      "By their medians, the fastest is {}. These runs do not show that the paths need different "
      "commands. ",
      joined(best));
}

// The best pair of path and command, against the first of each.
std::string best_pair(const Comparison& comparison, const std::vector<WaysOfPath>& ways) {
  const auto fastest =
      std::min_element(ways.begin(), ways.end(), [&](const WaysOfPath& a, const WaysOfPath& b) {
        return median_s(comparison.arms[a.fastest()]) < median_s(comparison.arms[b.fastest()]);
      });
  const Arm& best = comparison.arms[fastest->fastest()];
  const Arm& simplest = comparison.arms[ways.front().simplest];
  if (&best == &simplest) {
    return fmt::format("No pair of path and command was faster than the first, {} from {}: {}.",
                       command_name(best), path_name(*fastest), time_of(best));
  }
  return fmt::format("The fastest pair was {} from {}: {}. The first, {} from {}, took {}.",
                     command_name(best), path_name(*fastest), time_of(best), command_name(simplest),
                     path_name(ways.front()), time_of(simplest));
}

// What the last columns mean where one of several is picked as the fastest.
std::string about_several(const std::vector<WaysOfPath>& ways) {
  const bool are_several = std::any_of(
      ways.begin(), ways.end(), [](const WaysOfPath& one) { return one.contrasts.size() > 1; });
  if (!are_several) return "";
  return "\nThe fastest of several commands is partly the luckiest. So intervals and p hold for "
         "all comparisons of a path together (Bonferroni).\n";
}

// What the times are of where they are not of cold weights alone.
std::string about_layer(records::Layer layer) {
  const std::string_view kind = kind_of_start(layer);
  return kind.empty() ? "" : fmt::format("These are starts {}. ", kind);
}

// The variables that not every command was given with that value: "; with `A=1`".
std::string variables_of(const Comparison& comparison, const records::StartFacts& start) {
  std::vector<std::string> own;
  const text::json::object* const variables = text::object_at(start.server, "environment");
  if (variables == nullptr) return "";
  for (const auto& [name, value] : *variables) {
    if (findings::is_of_every_command(name, value, comparison.facts)) continue;
    if (value.is_string())
      own.push_back(fmt::format("{}={}", std::string(name), value.get_string().c_str()));
  }
  return own.empty() ? "" : "; with " + joined_code(std::move(own));
}

std::string commands_list(const Comparison& comparison) {
  std::vector<std::string> known;
  std::vector<std::string> lines;
  for (const Arm& arm : comparison.arms) {
    const std::string name = findings::command_of(arm);
    if (name.empty() || std::find(known.begin(), known.end(), name) != known.end()) continue;
    known.push_back(name);
    const records::StartFacts& start = *arm.facts.start;
    std::string line =
        fmt::format("{}: {}", markdown_code(name), markdown_code(text::shell_line(start.command)));
    if (const auto version = text::string_at(start.server, "installed_version")) {
      line += fmt::format(", version {}", markdown_text(*version));
    }
    const auto pinned = text::strings_at(start.server, "pinned_flags");
    if (!pinned.empty()) {
      line += fmt::format("; coldload added {}, the same for every path",
                          markdown_code(text::shell_line(pinned)));
    }
    line += variables_of(comparison, start);
    lines.push_back(std::move(line));
  }
  return bullets(lines);
}

}  // namespace

std::vector<std::string> answers_about_ways(const Comparison& comparison, Notes* notes) {
  const findings::WaysBasis basis = findings::basis_of_ways(comparison);
  std::vector<std::string> answers;
  for (const WaysOfPath& ways : findings::ways_to_start(basis.comparison)) {
    const Answer answer = answer_for_ways(basis.comparison, starts_from(ways.path, basis.layer),
                                          findings::main_contrast(ways));
    answers.push_back(answer.said + (notes != nullptr ? notes->mark(answer.basis) : ""));
  }
  return answers;
}

std::string ways_section(const Comparison& measured) {
  const findings::WaysBasis basis = findings::basis_of_ways(measured);
  const Comparison& comparison = basis.comparison;
  const std::vector<WaysOfPath> ways = findings::ways_to_start(comparison);
  if (ways.empty()) return "";
  Table table = table_of({"path", "command"}, {"median", "min-max", "of which weights",
                                               "against the first", "95 % interval", "p"});
  for (const WaysOfPath& one : ways) {
    for (const std::size_t arm : one.arms) table.rows.push_back(row_of(comparison, one, arm));
  }
  return "## Which way to start\n\n" + about_layer(basis.layer) + across_paths(comparison, ways) +
         best_pair(comparison, ways) + "\n\n" + markdown_table(table) + about_several(ways) +
         fmt::format("\nThe commands{}:\n\n", findings::compile_cache_of(comparison.facts) == "keep"
                                                  ? ", with the machine's runtime caches"
                                                  : ", each with runtime caches of its own") +
         commands_list(comparison) + '\n';
}

}  // namespace coldload::report
