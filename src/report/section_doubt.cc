// What a sceptical reader should know: what was left out and why, how cold was shown, order,
// outliers, trend, n, remarks.
#include <algorithm>

#include <fmt/format.h>

#include "findings/layers.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

constexpr std::size_t k_most_lines_of_a_kind = 30;

using Lines = std::vector<std::string>;

void add_stand_ins(const Comparison& comparison, Lines* lines) {
  for (const Arm& arm : comparison.arms) {
    if (!is_stand_in(arm) || arm.cold_verdicts.empty()) continue;
    const records::StandInFacts& facts = *arm.facts.stand_in;
    std::vector<std::string> delivered;
    if (facts.delivered_read_bytes_per_s) {
      delivered.push_back(format_rate(*facts.delivered_read_bytes_per_s) + " by read");
    }
    if (facts.delivered_mmap_bytes_per_s) {
      delivered.push_back(format_rate(*facts.delivered_mmap_bytes_per_s) + " by mmap");
    }
    lines->push_back(
        fmt::format("{} is a stand-in, not a network: {} at {}{}. {}", name_of(arm),
                    facts.method == "reader" ? "the loader paces its own reads of a local directory"
                                             : "it shows a local directory",
                    markdown_text(facts.spec),
                    facts.method.empty() ? "" : fmt::format(" ({})", markdown_text(facts.method)),
                    delivered.empty() ? "What it delivers was not measured."
                                      : fmt::format("One reader got {}.", joined(delivered))));
  }
}

// Bytes that storage delivered over the checkpoint's, as a range over the trials.
std::string bytes_evidence(const Mode& mode) {
  std::vector<double> shares;
  std::vector<std::string> counters;
  for (const records::Trial* trial : mode.trials) {
    if (!trial->storage_bytes_read || trial->checkpoint_bytes == 0) continue;
    shares.push_back(static_cast<double>(*trial->storage_bytes_read) /
                     static_cast<double>(trial->checkpoint_bytes));
    add_once(trial->storage_bytes_source, &counters);
  }
  const auto share = statistics::summarize(shares);
  if (!share) return "No counter told what storage delivered.";
  return fmt::format(
      "Storage delivered {} times the checkpoint's bytes in those that count (counter: {}).",
      range_text(fmt::format("{:.2f}", share->min), fmt::format("{:.2f}", share->max)),
      joined_code(counters));
}

void add_cold_evidence(const Comparison& comparison, Lines* lines) {
  bool any_verified = false;
  for (const Arm& arm : comparison.arms) {
    if (arm.cold_verdicts.empty()) continue;
    std::size_t all = 0;
    std::size_t verified = 0;
    std::vector<std::string> others;
    for (const auto& [cold, count] : arm.cold_verdicts) {
      all += count;
      if (cold == records::Cold::verified) {
        verified = count;
      } else {
        others.push_back(fmt::format("{} {}", count, markdown_code(to_string(cold))));
      }
    }
    any_verified |= verified > 0;
    std::string line = fmt::format("{}: {} of {} trials {} verified cold", name_of(arm), verified,
                                   all, verified == 1 ? "is" : "are");
    if (!others.empty()) line += fmt::format(" ({})", joined(others));
    line += '.';
    if (!arm.cold.trials.empty()) line += ' ' + bytes_evidence(arm.cold);
    lines->push_back(std::move(line));
  }
  if (any_verified) {
    lines->push_back(
        "Cold means that 0 bytes of the checkpoint were in this machine's page cache before "
        "launch. "
        "Caches beyond it may have been warm, and nobody can see them from here: the drive's, a "
        "hypervisor's, a file server's, and memory behind a stand-in.");
  }
}

// What the path itself told: caches of the client's own, and those beyond this machine.
void add_other_caches(const Comparison& comparison, Lines* lines) {
  for (const Arm& arm : comparison.arms) {
    if (arm.cold_verdicts.empty()) continue;
    if (const auto hidden = text::string_at(arm.facts.storage, "hidden_cache")) {
      lines->push_back(fmt::format("{}: {}", name_of(arm), sentence(markdown_text(*hidden))));
    }
    for (const std::string& unseen : text::strings_at(arm.facts.storage, "unseen_caches")) {
      lines->push_back(fmt::format("{}: {}", name_of(arm), sentence(markdown_text(unseen))));
    }
  }
}

std::string describe_trial(const Comparison& comparison, const records::Trial& trial) {
  std::string line =
      fmt::format("run {} ({}): {}", run_name(comparison, trial), markdown_code(trial.storage_mode),
                  markdown_code(to_string(trial.status)));
  if (trial.load_s) line += fmt::format(", measured {}", in_seconds(*trial.load_s));
  line += ": ";
  line += trial.reason.empty() ? "no reason on record." : sentence(markdown_text(trial.reason));
  if (!trial.log_file.empty()) line += fmt::format(" Log: {}.", markdown_code(trial.log_file));
  return line;
}

void add_left_out(const Comparison& comparison, Lines* lines) {
  Trials left_out;
  for (const Arm& arm : comparison.arms) {
    left_out.insert(left_out.end(), arm.left_out.begin(), arm.left_out.end());
  }
  if (left_out.empty()) return;
  std::string block =
      fmt::format("{} of {} trials {} in no figure:", left_out.size(), comparison.trials.size(),
                  left_out.size() == 1 ? "counts" : "count");
  for (std::size_t index = 0; index < left_out.size(); ++index) {
    if (index == k_most_lines_of_a_kind) {
      block += fmt::format("\n  - and {} more, in the records.", left_out.size() - index);
      break;
    }
    block += "\n  - " + describe_trial(comparison, *left_out[index]);
  }
  lines->push_back(std::move(block));
}

void add_outliers(const Comparison& comparison, const Arm& arm, Lines* lines) {
  for (std::size_t found = 0; found < arm.outliers.size(); ++found) {
    if (found == k_most_lines_of_a_kind) {
      lines->push_back(fmt::format("{}: {} more outliers count all the same.", name_of(arm),
                                   arm.outliers.size() - found));
      return;
    }
    const std::size_t index = arm.outliers[found];
    lines->push_back(fmt::format("{}: run {} ({}) is an outlier. It counts all the same.",
                                 name_of(arm), run_name(comparison, *arm.cold.trials[index]),
                                 in_seconds(arm.cold.values_s[index])));
  }
}

void add_clusters(const Arm& arm, Lines* lines) {
  if (!arm.lower_cluster) return;
  std::vector<double> sorted = arm.cold.values_s;
  std::sort(sorted.begin(), sorted.end());
  const auto split = sorted.begin() + static_cast<std::ptrdiff_t>(*arm.lower_cluster);
  const std::vector<double> low(sorted.begin(), split);
  const std::vector<double> high(split, sorted.end());
  lines->push_back(
      fmt::format("{}: {} runs lie around {} and {} around {}, with none between. The median lies "
                  "{}. Something "
                  "differs between the two groups that this experiment does not hold constant.",
                  name_of(arm), low.size(), in_seconds(statistics::median(low)), high.size(),
                  in_seconds(statistics::median(high)),
                  low.size() == high.size() ? "between the groups" : "in the larger one"));
}

void add_order(const Comparison& comparison, Lines* lines) {
  const records::ExperimentFacts& facts = comparison.facts;
  if (!facts.order.empty() && comparison.arms.size() > 1) {
    lines->push_back(fmt::format(
        "Run order: {}, seed {}{}.",
        facts.order == "random" ? std::string("random within blocks that hold each path once")
                                : markdown_code(facts.order),
        facts.seed, comparison.experiments.size() > 1 ? " in the last experiment" : ""));
  }
  for (const Arm& arm : comparison.arms) {
    if (arm.trend && arm.trend->p < statistics::k_significance) {
      lines->push_back(fmt::format(
          "{}: later runs took {} (Kendall's tau {:.2f}, {}), so the median depends on "
          "when the runs were made. Burst credits, lazily loaded volumes and a server's "
          "cache that warms up do that.",
          name_of(arm), arm.trend->tau > 0 ? "longer" : "less", arm.trend->tau,
          p_text(arm.trend->p)));
    }
    add_clusters(arm, lines);
    add_outliers(comparison, arm, lines);
  }
}

// Whether the goal of --runs auto was reached, or a limit: the figure tells.
std::string widest_interval(const Comparison& comparison) {
  std::optional<double> widest;
  for (const Contrast& contrast : comparison.contrasts) {
    if (!contrast.ratio || !contrast.ratio_ci) continue;
    const double width = contrast.ratio_ci->high - contrast.ratio_ci->low;
    widest = std::max(widest.value_or(0), width / *contrast.ratio);
  }
  if (!widest) return " There was no interval in the end.";
  return fmt::format(" The widest interval spans {} of its ratio.", percent(*widest));
}

// Single runs have no p that means anything, and none is shown.
bool is_test(const Contrast& contrast) {
  return contrast.p_value && contrast.looks == 1 && contrast.claim != Claim::single_runs;
}

void add_n(const Comparison& comparison, Lines* lines) {
  std::vector<std::string> few;
  for (const Arm& arm : comparison.arms) {
    if (arm.is_measured() && arm.cold.load_s->n < statistics::k_least_n) {
      few.push_back(fmt::format("{} ({})", name_of(arm), runs(arm.cold.load_s->n)));
    }
  }
  bool any_interval = false;
  std::size_t tests = 0;
  for (const Contrast& contrast : comparison.contrasts) {
    any_interval |= contrast.ratio_ci.has_value();
    tests += is_test(contrast) ? 1U : 0U;
  }
  for (const findings::LayersOfArm& layers : findings::layers_of(comparison)) {
    tests += static_cast<std::size_t>(
        std::count_if(layers.steps.begin(), layers.steps.end(),
                      [](const auto& step) { return is_test(step.contrast); }));
  }
  if (!few.empty()) {
    lines->push_back(
        fmt::format("{}: too few for an interval, outliers or a trend. Those take {} runs.",
                    joined(few), statistics::k_least_n));
  }
  if (any_interval) {
    lines->push_back(
        "A 95 % interval holds each ratio or difference that the rank test does not reject at 5 % "
        "(Hodges and Lehmann). It speaks of this machine at that time. Another day may differ by "
        "more.");
  }
  if (!comparison.facts.runs_rule.empty()) {
    lines->push_back(fmt::format("coldload chose the number of runs: {}.{}",
                                 markdown_text(comparison.facts.runs_rule),
                                 widest_interval(comparison)));
  }
  if (tests > 1) {
    lines->push_back(
        fmt::format("{} tests were made, each at its own p. The more tests, the likelier one finds "
                    "a difference "
                    "by chance.",
                    tests));
  }
}

// Adds each of what `said_of` trials once, with the runs that it was said of.
void add_once_each(const Comparison& comparison, Lines (*said_of)(const records::Trial& trial),
                   Lines* lines) {
  Lines order;
  std::map<std::string, Lines> runs_of;
  for (const records::Trial* trial : comparison.trials) {
    for (const std::string& said : said_of(*trial)) {
      if (runs_of[said].empty()) order.push_back(said);
      runs_of[said].push_back(run_name(comparison, *trial));
    }
  }
  for (std::size_t index = 0; index < order.size(); ++index) {
    if (index == k_most_lines_of_a_kind) {
      lines->push_back(fmt::format("{} more of these are in the records.", order.size() - index));
      return;
    }
    const Lines& names = runs_of[order[index]];
    constexpr std::size_t k_most_names = 12;
    std::string where = fmt::format("{} runs", names.size());
    if (names.size() <= k_most_names) where = "Runs " + joined(names);
    if (names.size() == 1) where = "Run " + names[0];
    if (names.size() == comparison.trials.size() && names.size() > 1) where = "Every run";
    lines->push_back(fmt::format("{}: {}", where, sentence(markdown_text(order[index]))));
  }
}

// Why a trial that counts is not verified.
Lines reason_of(const records::Trial& trial) {
  const bool counts = trial.status == records::Status::ok;
  return counts && !trial.reason.empty() ? Lines{std::string(trial.reason)} : Lines{};
}

// Whatever else was seen.
Lines remarks_of(const records::Trial& trial) {
  return {trial.remarks.begin(), trial.remarks.end()};
}

}  // namespace

std::string doubt_section(const Comparison& comparison) {
  Lines lines;
  add_left_out(comparison, &lines);
  add_stand_ins(comparison, &lines);
  add_cold_evidence(comparison, &lines);
  add_other_caches(comparison, &lines);
  for (std::string& confound : confounds_of(comparison)) lines.push_back(std::move(confound));
  add_order(comparison, &lines);
  add_n(comparison, &lines);
  add_once_each(comparison, reason_of, &lines);
  add_once_each(comparison, remarks_of, &lines);
  if (lines.empty()) return "";
  return "## What to doubt\n\n" + bullets(lines) + '\n';
}

std::string trials_section(const Comparison& comparison, bool of_several) {
  using text::Align;
  constexpr std::size_t k_most_rows = 1'000;
  Table table{{{"run", Align::right},
               {"mode"},
               {"load_s", Align::right},
               {"status"},
               {"cold"},
               {"read from storage", Align::right},
               {"started (UTC)"}},
              {}};
  for (const records::Trial* trial : comparison.trials) {
    if (table.rows.size() == k_most_rows) break;
    const bool counts = trial->status == records::Status::ok;
    const std::string measured = trial->load_s ? fmt::format("{:.3f}", *trial->load_s) : "";
    table.rows.push_back({run_name(comparison, *trial), markdown_code(trial->storage_mode),
                          measured.empty() || counts ? measured : fmt::format("({})", measured),
                          std::string(to_string(trial->status)),
                          std::string(to_string(trial->cold)),
                          trial->storage_bytes_read ? format_bytes(*trial->storage_bytes_read) : "",
                          markdown_text(trial->started_at)});
  }
  std::string out = "## Every trial\n\n" + markdown_table(table);
  if (of_several) {
    out += "\nThe other run numbers belong to other experiments in these records.\n";
  }
  if (comparison.trials.size() > k_most_rows) {
    out += fmt::format("\nThe first {} of {}; all are in the records.\n", k_most_rows,
                       comparison.trials.size());
  }
  const bool any_in_brackets = std::any_of(
      comparison.trials.begin(), comparison.trials.end(),
      [](const auto* trial) { return trial->status != records::Status::ok && trial->load_s; });
  if (any_in_brackets) out += "\nTimes in brackets count nowhere.\n";
  return out + '\n';
}

}  // namespace coldload::report
