#include "report/recommendation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "measure/arm_floor.h"
#include "measure/statistics.h"
#include "report/budget.h"
#include "report/choices.h"
#include "report/dominance.h"
#include "report/node_bootstrap.h"
#include "report/sections.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/units.h"

namespace coldload::report {

namespace {

// From this share of a start on, something is worth a sentence of its own.
constexpr double k_worth_it = 0.1;

// "dev and notebooks (120 s)" of the uses that an arm's slowest run fits, or does not.
std::vector<std::string> uses_of(const Comparison& comparison, const Arm& arm, bool that_fit) {
  std::vector<std::string> uses;
  for (const Budget& budget : budgets_of(comparison)) {
    if ((arm.cold.load_s->max <= budget.seconds) == that_fit) {
      uses.push_back(fmt::format("{} ({:g} s)", budget.use, budget.seconds));
    }
  }
  return uses;
}

// --- the bullets ---------------------------------------------------------------------------------

std::string where_models_lie(const Comparison& comparison) {
  const std::vector<const Arm*> paths = paths_by_time(comparison);
  if (paths.size() < 2) return "";
  const Arm& fast = *paths.front();
  const Arm& slow = *paths.back();
  if (!differs(comparison, fast, slow)) {
    return fmt::format(
        "**Choose between {} and {} by price and operation, not by start-up time:** their medians "
        "are {} and {}, and no difference is shown.",
        name_of(fast), name_of(slow), in_seconds(fast.cold.load_s->median),
        in_seconds(slow.cold.load_s->median));
  }
  const std::vector<std::string> too_slow = uses_of(comparison, slow, false);
  const std::vector<std::string> fast_fits = uses_of(comparison, fast, true);
  if (loads_only(comparison)) {
    return fmt::format(
        "**{} loads in {}, {} in {}:** what a server adds to that decides which of them is enough "
        "(`-- SERVER` measures it).",
        name_of(fast), in_seconds(fast.cold.load_s->median), name_of(slow),
        in_seconds(slow.cold.load_s->median));
  }
  if (too_slow.empty()) {
    return fmt::format(
        "**{} is enough for every use:** its slowest start took {}, within all budgets; {} would "
        "save {} of the {} that it takes by the median.",
        name_of(slow), in_seconds(slow.cold.load_s->max), name_of(fast),
        in_seconds(slow.cold.load_s->median - fast.cold.load_s->median),
        in_seconds(slow.cold.load_s->median));
  }
  std::vector<std::string> gained;
  for (const std::string& use : too_slow) {
    if (std::find(fast_fits.begin(), fast_fits.end(), use) != fast_fits.end())
      gained.push_back(use);
  }
  if (gained.empty()) {
    return fmt::format("**Neither path alone is fast enough for {}:** {} takes {}, {} takes {}.",
                       joined(too_slow), name_of(fast), in_seconds(fast.cold.load_s->median),
                       name_of(slow), in_seconds(slow.cold.load_s->median));
  }
  return fmt::format(
      "**Models for {} belong on {}:** {} instead of {} from {}, which is over that budget.",
      joined(gained), name_of(fast), in_seconds(fast.cold.load_s->median),
      in_seconds(slow.cold.load_s->median), name_of(slow));
}

std::string whether_to_stage(const Comparison& comparison) {
  const auto staging = staging_in(comparison);
  if (!staging) {
    const std::vector<const Arm*> paths = paths_by_time(comparison);
    if (paths.size() < 2 || !differs(comparison, *paths.front(), *paths.back())) return "";
    return fmt::format(
        "Whether staging from {} pays was not measured: `--stage {}:DIRECTORY` measures the copy "
        "and the starts from it.",
        name_of(*paths.back()), text::one_line(paths.back()->facts.label));
  }
  const std::string source = name_of(*staging->source);
  if (!staging_pays(staging)) {
    return fmt::format(
        "**Do not stage:** a start from the copy takes {} where one from {} takes {}, and copying "
        "costs {}.",
        in_seconds(staging->later_s), source, in_seconds(staging->source_s),
        in_seconds(staging->copy_s));
  }
  return fmt::format(
      "**Stage nodes that start {}:** the copy costs {} once, and each start from it takes {} "
      "instead of {} from {}.",
      *staging->break_even() == 1 ? "at all"
                                  : fmt::format("{} times or more", *staging->break_even()),
      in_seconds(staging->copy_s), in_seconds(staging->later_s), in_seconds(staging->source_s),
      source);
}

std::string whether_to_read_ahead(const Comparison& comparison) {
  for (const Arm* path : paths_by_time(comparison)) {
    const Arm& arm = *path;
    if (!prefetch_saves(comparison, arm)) continue;
    const double with_s = prefetched(comparison, arm)->cold.load_s->median;
    return fmt::format(
        "**Start servers on {} with `coldload run`:** ready after {} instead of {}, as the weights "
        "are read while the server starts{}.",
        name_of(arm), in_seconds(with_s), in_seconds(arm.cold.load_s->median),
        staging_pays(staging_in(comparison))
            ? "; with `--stage` it leaves the copy for later starts"
            : "");
  }
  return "";
}

std::string whether_to_keep_in_memory(const Comparison& comparison) {
  std::vector<const Arm*> slowest_first = paths_by_time(comparison);
  std::reverse(slowest_first.begin(), slowest_first.end());
  for (const Arm* path : slowest_first) {
    const Arm& arm = *path;
    const auto share = arm.storage_share_s();
    if (!share || !arm.storage_share_is_clear() || *share < k_worth_it * arm.cold.load_s->median) {
      continue;
    }
    return fmt::format(
        "**Leave memory for the page cache:** with the {} of weights in it, a restart on {} takes "
        "{} instead of {}; `coldload cache warm` brings them in before they are asked for.",
        text::format_bytes(comparison.checkpoint_bytes), name_of(arm),
        in_seconds(arm.warm.load_s->median), in_seconds(arm.cold.load_s->median));
  }
  return "";
}

// What is left where storage is not it.
std::string what_else_to_work_on(const Comparison& comparison) {
  const std::vector<const Arm*> paths = paths_by_time(comparison);
  if (paths.empty() || loads_only(comparison)) return "";
  const Arm& arm = *paths.front();
  const auto share = storage_share_of(comparison, arm);
  if (!share) return "";
  const double storage_s = share->is_clear ? share->seconds() : 0;
  const double rest_s = arm.cold.load_s->median - storage_s;
  if (rest_s < arm.cold.load_s->median / 2) return "";
  return fmt::format(
      "**On {}, work on the server's start before storage:** {} of {} are not storage (imports, "
      "CUDA, compilation, warm-up); \"Where the time goes\" has the phases.",
      name_of(arm), in_seconds(rest_s), in_seconds(arm.cold.load_s->median));
}

// How much faster the weights could come at the rate that the path has.
std::string whether_the_path_is_used(const Comparison& comparison) {
  if (loads_only(comparison)) return "";  // that is for coldload to mend
  for (const Arm* path : paths_by_time(comparison)) {
    const Arm& arm = *path;
    std::vector<double> efficiencies;
    std::vector<double> lost_s;
    for (const measure::Record* trial : arm.cold.trials) {
      const auto weights_s = measure::weights_seconds(*trial, comparison.facts.target);
      if (!trial->efficiency || !trial->floor_s || !weights_s) continue;
      efficiencies.push_back(*trial->efficiency);
      lost_s.push_back(*weights_s - *trial->floor_s);
    }
    if (efficiencies.empty()) continue;
    const double lost = measure::median(lost_s);
    if (lost < k_worth_it * arm.cold.load_s->median) continue;
    return fmt::format(
        "**{} delivers more than is used:** the weights came at {} of what it was measured to "
        "deliver; at all of it they would be there {} sooner. Another load strategy of the server, "
        "or `coldload run`, asks for more at once.",
        name_of(arm), percent(measure::median(efficiencies)), in_seconds(lost));
  }
  return "";
}

}  // namespace

std::vector<std::string> recommendations_of(const Comparison& comparison) {
  std::vector<std::string> bullets;
  for (std::string bullet :
       {where_models_lie(comparison), whether_to_stage(comparison),
        whether_to_read_ahead(comparison), whether_to_keep_in_memory(comparison),
        whether_the_path_is_used(comparison), what_else_to_work_on(comparison)}) {
    if (!bullet.empty()) bullets.push_back(std::move(bullet));
  }
  return bullets;
}

std::vector<std::string> take_aways_of(const Comparison& comparison) {
  std::vector<std::string> sentences;
  const std::vector<const Arm*> paths = paths_by_time(comparison);
  if (paths.empty()) return sentences;
  const Arm& fast = *paths.front();
  const Arm& slow = *paths.back();
  if (paths.size() > 1) {
    const double ratio = slow.cold.load_s->median / fast.cold.load_s->median;
    sentences.push_back(differs(comparison, fast, slow)
                            ? fmt::format("{} takes {} {}: {} instead of {}.", name_of(slow),
                                          longer_than(ratio), name_of(fast),
                                          in_seconds(slow.cold.load_s->median),
                                          in_seconds(fast.cold.load_s->median))
                            : fmt::format("No difference between {} and {} is shown.",
                                          name_of(fast), name_of(slow)));
  }
  const auto share = storage_share_of(comparison, slow);
  if (share && share->is_clear) {
    sentences.push_back(fmt::format("Of the {} on {}, {} are storage; {} would be left without it.",
                                    in_seconds(slow.cold.load_s->median), name_of(slow),
                                    in_seconds(share->seconds()),
                                    in_seconds(slow.cold.load_s->median - share->seconds())));
  }
  const auto staging = staging_in(comparison);
  if (staging_pays(staging)) {
    sentences.push_back(whether_to_stage(comparison));
  } else if (const std::string ahead = whether_to_read_ahead(comparison); !ahead.empty()) {
    sentences.push_back(ahead);
  } else if (const std::string other = what_else_to_work_on(comparison); !other.empty()) {
    sentences.push_back(other);
  }
  return sentences;
}

std::string recommendation_section(const Comparison& comparison) {
  const std::vector<std::string> bullets = recommendations_of(comparison);
  if (bullets.empty()) return "";
  std::string out = "## What to do\n\n";
  for (const std::string& bullet : bullets) out += "- " + bullet + '\n';
  return out + '\n';
}

std::string recommendation_note(const Comparison& comparison) {
  std::string out = "# Storage layout: what to do\n\n";
  const std::vector<std::string> bullets = recommendations_of(comparison);
  if (bullets.empty()) return out + "Nothing was measured that could be recommended from.\n";
  for (const std::string& bullet : bullets) out += "- " + bullet + '\n';
  if (const std::string script = node_bootstrap_of(comparison); !script.empty()) {
    out += "\n## How a node starts\n\n```bash\n" + script + "```\n";
  }
  out += "\n## To take away\n\n";
  int number = 0;
  for (const std::string& sentence : take_aways_of(comparison)) {
    out += fmt::format("{}. {}\n", ++number, sentence);
  }
  return out +
         "\nWritten by coldload from the records of the experiment; its report has the evidence.\n";
}

}  // namespace coldload::report
