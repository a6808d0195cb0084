#include "report/recommendation.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "findings/floor_use.h"
#include "findings/ways_to_start.h"
#include "records/trial_figures.h"
#include "report/dominance.h"
#include "report/herd_advice.h"
#include "report/layer_claims.h"
#include "report/sections.h"
#include "report/wording.h"
#include "statistics/statistics.h"

namespace coldload::report {

namespace {

// From this share of a start on, something is worth a sentence of its own.
constexpr double k_worth_it = 0.1;

// "dev and notebooks (120 s)"
std::string named(const std::vector<Budget>& uses) {
  std::vector<std::string> names;
  names.reserve(uses.size());
  for (const Budget& use : uses) names.push_back(fmt::format("{} ({:g} s)", use.use, use.seconds));
  return joined(names);
}

// "62.4 s (3 runs)": how many there were is said where they are few.
std::string told(const statistics::Summary& load) {
  return load.n < statistics::k_least_n ? with_runs(load) : in_seconds(load.median);
}
std::string median_of(const Arm& arm) { return told(*arm.cold.load_s); }
std::string slowest_of(const Arm& arm) {
  const statistics::Summary& load = *arm.cold.load_s;
  return in_seconds(load.max) +
         (load.n < statistics::k_least_n ? fmt::format(" (of {})", runs(load.n)) : "");
}

// Of two paths that the runs do not tell apart.
Advice which_is_open(const Comparison& comparison, const Arm& fast, const Arm& slow) {
  if (are_level(comparison, fast, slow)) {
    return {fmt::format("**Choose between {} and {} by price and operation:** their medians are {} "
                        "and {}.",
                        name_of(fast), name_of(slow), median_of(fast), median_of(slow)),
            "The runs leave no room for a difference of a tenth."};
  }
  if (are_mixed(comparison, fast, slow)) {
    return {
        fmt::format("**Look at every run of {} and {} before choosing:** a rank test tells them "
                    "apart, their medians, {} and {}, do not.",
                    name_of(fast), name_of(slow), median_of(fast), median_of(slow)),
        ""};
  }
  return {fmt::format("**Measure more before choosing between {} and {}:** medians of {} and {} do "
                      "not tell them apart yet.",
                      name_of(fast), name_of(slow), median_of(fast), median_of(slow)),
          "`--runs auto` makes as many runs as it takes."};
}

// The least that any start took, where some had the weights in memory: no storage makes one faster.
std::optional<double> least_s(const Comparison& comparison) {
  std::optional<double> least;
  bool any_warm = false;
  for (const Arm& arm : comparison.arms) {
    any_warm |= arm.warm.load_s.has_value();
    for (const Mode* mode : arm.modes()) {
      if (mode->load_s) least = std::min(least.value_or(mode->load_s->min), mode->load_s->min);
    }
  }
  return any_warm ? least : std::nullopt;
}

std::vector<Advice> no_path_for(const Comparison& comparison, const std::vector<const Arm*>& paths,
                                const std::vector<Budget>& too_slow) {
  const auto fastest_s = least_s(comparison);
  std::vector<Budget> beyond;  // any storage
  std::vector<Budget> near;
  for (const Budget& use : too_slow) {
    (fastest_s && *fastest_s > use.seconds ? beyond : near).push_back(use);
  }
  std::vector<Advice> out;
  if (!beyond.empty()) {
    out.push_back(
        {fmt::format("**Keep servers running for {}:** no storage is fast enough, because "
                     "the fastest start of all took {}.",
                     named(beyond), in_seconds(*fastest_s)),
         "It was the fastest start from storage or from memory. A shorter start of the "
         "server is the other way."});
  }
  if (near.empty()) return out;
  std::vector<std::string> slowest;
  slowest.reserve(paths.size());
  for (const Arm* path : paths) {
    slowest.push_back(fmt::format("{} from {}", slowest_of(*path), name_of(*path)));
  }
  out.push_back({fmt::format("**No path as it is fits {}:** the slowest starts took {}.",
                             named(near), joined(slowest)),
                 ""});
  return out;
}

std::vector<Advice> which_path_for(const Comparison& comparison,
                                   const std::vector<const Arm*>& paths) {
  const Arm& slow = *paths.back();
  const Arm& chosen = *chosen_path(comparison);
  std::vector<Budget> gained;
  for (const Budget& use : uses_of(comparison, slow, Fit::over)) {
    if (chosen.cold.load_s->max <= use.seconds) gained.push_back(use);
  }
  if (gained.empty()) return no_path_for(comparison, paths, uses_of(comparison, slow, Fit::over));
  return {{fmt::format("**Put models for {} on {}:** its slowest start took {}, that from {} {}.",
                       named(gained), name_of(chosen), slowest_of(chosen), name_of(slow),
                       slowest_of(slow)),
           ""}};
}

std::vector<Advice> where_models_lie(const Comparison& comparison) {
  const std::vector<const Arm*> paths = paths_by_time(comparison);
  if (paths.size() < 2 || is_about_one_storage(comparison)) return {};
  if (const auto found = findings::different_weights(comparison); !found.empty()) {
    return {{fmt::format("**Measure the same weights on all paths before choosing:** {}.",
                         text_of(found.front())),
             "Their times differ by more than storage."}};
  }
  const Arm& fast = *paths.front();
  const Arm& slow = *paths.back();
  if (!differs(comparison, fast, slow)) return {which_is_open(comparison, fast, slow)};
  if (loads_only(comparison)) {
    return {{fmt::format("**Measure with your server (`-- SERVER`):** {} loads in {} and {} in {}, "
                         "and a server adds to that.",
                         name_of(fast), median_of(fast), name_of(slow), median_of(slow)),
             "Which of them is enough depends on what the server adds."}};
  }
  if (uses_of(comparison, slow, Fit::over).empty()) {
    return {{fmt::format("**{} is enough for every use:** its slowest start took {}, within all "
                         "budgets.",
                         name_of(slow), slowest_of(slow)),
             fmt::format("{} would save {} of the {} that a start from {} takes by the median.",
                         name_of(fast), in_seconds(median_s(slow) - median_s(fast)),
                         median_of(slow), name_of(slow))}};
  }
  return which_path_for(comparison, paths);
}

Advice whether_to_stage(const Comparison& comparison) {
  const auto staging = staging_in(comparison);
  if (!staging) {
    const std::vector<const Arm*> paths = paths_by_time(comparison);
    if (paths.size() < 2 || !findings::different_weights(comparison).empty() ||
        !differs(comparison, *paths.front(), *paths.back())) {
      return {};
    }
    const records::ArmFacts& slow = paths.back()->facts;
    return {
        fmt::format("**Measure whether staging from {} pays:** {} makes the copy and starts from "
                    "it.",
                    name_of(*paths.back()),
                    markdown_code(fmt::format("--stage {}:DIRECTORY",
                                              slow.start ? slow.start->path_label : slow.label))),
        slow.start ? "`--stage` goes with one command, after `--`." : ""};
  }
  const std::string source = name_of(*staging->source);
  const Arm& without = without_copy(comparison, *staging);
  const bool read_ahead = &without != staging->source;
  const std::string other =
      read_ahead ? fmt::format("with `coldload run` from {}", source) : "from " + source;
  if (staging_pays(comparison, staging)) {
    const auto pays_at = *staging->break_even_against(median_s(without));
    return {fmt::format("**Stage{} on nodes that start {}:** each start from the copy takes {}, {} "
                        "{}.",
                        read_ahead ? ", too," : "",
                        pays_at == 1 ? "at all" : fmt::format("{} times or more", pays_at),
                        told(*staging->staged->cold.load_s), other, median_of(without)),
            fmt::format("The copy costs {} once.", in_seconds(staging->copy_s))};
  }
  const std::string copy = told(*staging->staged->cold.load_s);
  if (gain_of_copy(comparison, *staging, without) == Gain::loss_shown) {
    const bool first_alone = staging->break_even_against(median_s(without)) == 1;
    return {fmt::format("**Do not stage{}:** a start from the copy takes {}, {} {}.",
                        first_alone ? " for more than a node's first start" : "", copy, other,
                        median_of(without)),
            fmt::format("Copying costs {}.", in_seconds(staging->copy_s))};
  }
  return {fmt::format("**{} is open:** starts from the copy took {}, {} {}.",
                      read_ahead ? "Whether a copy is faster still" : "Whether to stage", copy,
                      other, median_of(without)),
          fmt::format("{}{}",
                      are_mixed(comparison, without, *staging->staged)
                          ? "A rank test of the runs says otherwise than these medians."
                          : "The runs do not tell these medians apart.",
                      staging->later_s < median_s(without)
                          ? ""
                          : fmt::format(" Copying costs {}.", in_seconds(staging->copy_s)))};
}

// Of several commands, where another one than the first is shown to be faster.
Advice which_way_to_start(const Comparison& measured) {
  const auto [layer, comparison] = findings::basis_of_ways(measured);
  if (layer == records::Layer::warm) return {};
  for (const findings::WaysOfPath& ways : findings::ways_to_start(comparison)) {
    const Contrast& contrast = findings::main_contrast(ways);
    if (ways.fastest() == ways.simplest || !findings::is_told_apart(contrast)) continue;
    const Arm& fast = comparison.arms[contrast.second];
    const Arm& first = comparison.arms[contrast.first];
    const auto of = [](const Arm& arm) { return markdown_code(findings::command_of(arm)); };
    const bool differs = findings::best_differs(comparison, findings::ways_to_start(comparison));
    return {
        fmt::format("**Start with {} from {}:** ready after {} instead of {} with {}.", of(fast),
                    starts_from(ways.path, layer), median_of(fast), median_of(first), of(first)),
        differs ? "Another path has another fastest command: see \"Which way to start\"." : ""};
  }
  return {};
}

Advice whether_to_read_ahead(const Comparison& comparison) {
  for (const Arm* path : paths_by_time(comparison)) {
    if (!prefetch_saves(comparison, *path)) continue;
    return {
        fmt::format("**Start servers on {} with `coldload run`:** ready after {} instead of {}.",
                    name_of(*path), median_of(*prefetched(comparison, *path)), median_of(*path)),
        fmt::format("`coldload run` reads the weights while the server starts.{}",
                    staging_pays(comparison, staging_in(comparison))
                        ? " With `--stage` it leaves the copy for later starts."
                    : copy_may_pay(comparison, staging_in(comparison))
                        ? " With `--stage` it leaves a copy, from which starts may be faster still."
                        : "")};
  }
  return {};
}

// How much memory that is, and whether the runs in memory were wholly that.
std::string about_memory(const Arm& arm) {
  std::string out;
  if (arm.checkpoint_bytes != 0) {
    out = fmt::format("That is {} of memory. ", format_bytes(arm.checkpoint_bytes));
  }
  const std::string though = not_quite_warm(arm);
  return though.empty() ? out : fmt::format("{}Those are warm runs{}. ", out, though);
}

Advice whether_to_keep_in_memory(const Comparison& comparison) {
  std::vector<const Arm*> slowest_first = paths_by_time(comparison);
  std::reverse(slowest_first.begin(), slowest_first.end());
  for (const Arm* path : slowest_first) {
    const Arm& arm = *path;
    const auto storage_s = shown_storage_s(arm);
    if (!storage_s || *storage_s < k_worth_it * median_s(arm) || *arm.cold_less_warm_s() <= 0) {
      continue;
    }
    return {
        fmt::format("**Leave memory for the page cache:** with the weights in it, a {} {} takes "
                    "{} instead of {}.",
                    loads_only(comparison) ? "load from" : "restart on", name_of(arm),
                    told(*arm.warm.load_s), median_of(arm)),
        fmt::format("{}`coldload cache warm` brings the weights in before they are asked for.",
                    about_memory(arm))};
  }
  return {};
}

// " (1.2 of 16 cores busy on average)", where it is known.
std::string cores_busy(const Comparison& comparison, const records::TrialPhase& phase) {
  const auto cores = text::unsigned_at(comparison.facts.environment, "cores");
  constexpr double k_long_enough_s = 1;
  if (!cores || !phase.cpu_s || phase.end_s - phase.start_s < k_long_enough_s) return "";
  const double busy = *phase.cpu_s / (phase.end_s - phase.start_s);
  return fmt::format(" ({:.1f} of {} cores busy on average)", busy, *cores);
}

// The two longest phases of the median trial that are not the weights.
std::string longest_phases(const Comparison& comparison, const Arm& arm) {
  const records::Trial& trial = *median_trial(arm.cold);
  std::vector<std::pair<double, std::string>> phases;
  for (const records::TrialPhase& phase : trial.phases) {
    if (phase.name == "weights") continue;
    const double seconds = phase.end_s - phase.start_s;
    phases.emplace_back(seconds, fmt::format("{} {}{}", markdown_text(phase.name),
                                             in_seconds(seconds), cores_busy(comparison, phase)));
  }
  if (phases.empty()) return "";
  if (trial.unattributed_s) {
    phases.emplace_back(*trial.unattributed_s, "unattributed " + in_seconds(*trial.unattributed_s));
  }
  std::stable_sort(phases.begin(), phases.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  constexpr std::size_t k_shown = 2;
  phases.resize(std::min(phases.size(), k_shown));
  std::vector<std::string> words;
  words.reserve(phases.size());
  for (const auto& [seconds, text] : phases) words.push_back(text);
  return fmt::format("In the median run the rest is mostly {}.", joined(words));
}

// What is left where storage is not it.
Advice what_else_to_work_on(const Comparison& comparison) {
  const std::vector<const Arm*> paths = paths_by_time(comparison);
  if (paths.empty() || loads_only(comparison)) return {};
  const Arm& arm = *paths.front();
  const auto share = arm.share;
  if (!share) return {};
  const double load_s = median_s(arm);
  const std::string advice =
      fmt::format("**On {}, work on the server's start, not on storage:**", name_of(arm));
  if (!share->is_clear) {
    const double warm_s = arm.warm.load_s->median;
    if (std::abs(load_s - warm_s) > k_worth_it * load_s) return {};
    return {fmt::format("{} with the weights in memory it takes {}, cold {}.", advice,
                        in_seconds(warm_s), in_seconds(load_s)),
            ""};
  }
  const double rest_s = load_s - share->seconds();
  if (rest_s < load_s / 2) return {};
  return {fmt::format("{} {} of {} are not storage.", advice, in_seconds(rest_s), median_of(arm)),
          longest_phases(comparison, arm)};
}

// How much faster the weights could come at the rate that the path has.
Advice whether_the_path_is_used(const Comparison& comparison) {
  if (loads_only(comparison)) return {};  // that is for coldload to mend
  for (const Arm* path : paths_by_time(comparison)) {
    const Arm& arm = *path;
    std::vector<double> efficiencies;
    std::vector<double> lost_s;
    for (const records::Trial* trial : arm.cold.trials) {
      const auto weights_s = records::weights_seconds(*trial, comparison.facts.target);
      if (!trial->efficiency || !trial->floor_s || !weights_s) continue;
      efficiencies.push_back(*trial->efficiency);
      lost_s.push_back(*weights_s - *trial->floor_s);
    }
    const auto use = findings::held_to_floor(comparison, arm).use;
    if (efficiencies.empty() || (use && use->bus_limits)) continue;
    const double lost = statistics::median(lost_s);
    if (lost < k_worth_it * median_s(arm)) continue;
    return {fmt::format("**Ask {} for more at once:** the weights came at {} of what it delivers, "
                        "{} later than they could.",
                        name_of(arm), percent(statistics::median(efficiencies)), in_seconds(lost)),
            "Another load strategy of the server, or `coldload run`, does so."};
  }
  return {};
}

}  // namespace

std::vector<Advice> recommendations_of(const Comparison& comparison) {
  std::vector<Advice> advice = where_models_lie(comparison);
  const Advice layers = advice_for_layers(comparison);
  for (const Advice& more :
       {which_way_to_start(comparison),
        layers.line.empty() ? what_else_to_work_on(comparison) : layers,
        whether_to_read_ahead(comparison), whether_to_stage(comparison),
        whether_to_keep_in_memory(comparison), whether_the_path_is_used(comparison)}) {
    advice.push_back(more);
  }
  for (Advice& more : advice_for_herds(comparison)) advice.push_back(std::move(more));
  std::erase_if(advice, [](const Advice& one) { return one.line.empty(); });
  return advice;
}

std::vector<std::string> take_aways_of(const Comparison& comparison) {
  std::vector<std::string> sentences;
  const std::vector<const Arm*> paths = paths_by_time(comparison);
  if (paths.empty()) return sentences;
  const Arm& fast = *paths.front();
  const Arm& slow = *paths.back();
  const auto different = findings::different_weights(comparison);
  if (!different.empty()) {
    sentences.push_back(text_of(different.front()) + ": no times of the same weights.");
  } else if (paths.size() > 1 && !is_about_one_storage(comparison)) {
    const double ratio = median_s(slow) / median_s(fast);
    sentences.push_back(
        differs(comparison, fast, slow)
            ? fmt::format("{} takes {} {}: {} instead of {}.", name_of(slow), longer_than(ratio),
                          name_of(fast), median_of(slow), median_of(fast))
            : fmt::format("{} and {} {}: {} and {} by medians.", name_of(fast), name_of(slow),
                          are_mixed(comparison, fast, slow) ? "differ, though not by their medians"
                                                            : "are not told apart",
                          median_of(fast), median_of(slow)));
  }
  if (const auto storage_s = shown_storage_s(slow)) {
    sentences.push_back(fmt::format("Of the {} on {}, {} are storage; {} would be left without it.",
                                    time_of(slow), name_of(slow), in_seconds(*storage_s),
                                    in_seconds(median_s(slow) - *storage_s)));
  }
  Advice advice = whether_to_read_ahead(comparison);
  if (advice.line.empty()) {
    advice = staging_pays(comparison, staging_in(comparison)) ? whether_to_stage(comparison)
                                                              : what_else_to_work_on(comparison);
  }
  if (!advice.line.empty()) sentences.push_back(std::move(advice.line));
  return sentences;
}

}  // namespace coldload::report
