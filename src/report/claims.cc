#include "report/claims.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "findings/ways_to_start.h"
#include "records/trial_figures.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

// The two measured arms that a contrast compares, and which of them is the faster one by median.
struct Pair {
  Pair(const Comparison& comparison, const Contrast& of)
      : contrast(of),
        first(comparison.arms[of.first]),
        second(comparison.arms[of.second]),
        fast(median_s(first) <= median_s(second) ? first : second),
        slow(&fast == &first ? second : first) {}

  [[nodiscard]] double ratio() const {
    return median_s(fast) > 0 ? median_s(slow) / median_s(fast) : 1;
  }
  [[nodiscard]] std::string difference() const {
    return in_seconds(median_s(slow) - median_s(fast));
  }

  const Contrast& contrast;
  const Arm& first;
  const Arm& second;
  const Arm& fast;
  const Arm& slow;
};

// " (95 % interval 16.1-32.4 s)"; `is_negated`: of the same with the other sign. Empty without one.
std::string seconds_interval_note(std::optional<statistics::Interval> interval, bool is_negated) {
  if (!interval) return "";
  if (is_negated) interval = {-interval->high, -interval->low};
  return fmt::format(" (95 % interval {})", in_seconds(*interval));
}

std::string subject_of(const Comparison& comparison) {
  std::string subject = all_verified(comparison) ? "Cold load of " : "Load of ";
  subject += comparison.model.empty() ? "a checkpoint" : markdown_text(comparison.model);
  if (comparison.checkpoint_bytes != 0 && findings::different_weights(comparison).empty()) {
    subject += fmt::format(" ({})", format_bytes(comparison.checkpoint_bytes));
  }
  return subject;
}

std::string median_list(const Comparison& comparison) {
  std::vector<std::string> words;
  for (const Arm& arm : comparison.arms) {
    if (arm.is_measured()) {
      words.push_back(fmt::format("{} {}", name_of(arm), time_of(arm)));
    }
  }
  return joined(words);
}

std::string counts(const Arm& a, const Arm& b) {
  const std::size_t n_a = a.cold.load_s->n;
  const std::size_t n_b = b.cold.load_s->n;
  return n_a == n_b ? fmt::format("{} each", runs(n_a))
                    : fmt::format("{} and {}", runs(n_a), runs(n_b));
}

// "A cold start", as far as cold was verified.
std::string a_start(const Comparison& comparison) {
  return fmt::format("A {}{}", all_verified(comparison) ? "cold " : "", start_word(comparison));
}

Answer answer_shown(const Comparison& comparison, const Pair& pair) {
  const Contrast& contrast = pair.contrast;
  std::string basis = fmt::format("Medians of {}", counts(pair.fast, pair.slow));
  if (pair.ratio() >= 1.1) {
    auto interval = contrast.ratio_ci;
    if (interval && *contrast.ratio < 1) interval = {1 / interval->high, 1 / interval->low};
    basis += fmt::format("; {} takes {} {}{}", name_of(pair.slow), longer_than(pair.ratio()),
                         name_of(pair.fast), interval_note(interval));
  }
  return {fmt::format("**{} takes {} from {} and {} from {}: {} more**{}.", a_start(comparison),
                      time_of(pair.slow), name_of(pair.slow), time_of(pair.fast),
                      name_of(pair.fast), pair.difference(),
                      seconds_interval_note(contrast.difference_ci, *contrast.difference_s < 0)),
          fmt::format("{}. A rank test gives {}.", basis, p_text(*contrast.p_value))};
}

Answer answer_separated(const Pair& pair) {
  return {fmt::format("**{} took {} and {} took {}: {} more**, in too few runs to rule out chance.",
                      name_of(pair.slow), time_of(pair.slow), name_of(pair.fast),
                      time_of(pair.fast), pair.difference()),
          fmt::format(
              "Every run of {} was slower than every run of {}. But {} are too few: the rank test "
              "cannot get below {} with them, and there is no interval. 5 runs each could show it.",
              name_of(pair.slow), name_of(pair.fast), counts(pair.fast, pair.slow),
              p_text(*pair.contrast.p_value))};
}

// How many runs it would take, if the paths differ as these runs do.
std::string what_would_settle(const Contrast& contrast) {
  constexpr std::size_t k_most = 200;
  if (!contrast.runs_to_show || *contrast.runs_to_show > k_most) {
    return fmt::format(
        " If they differ by no more than these runs do, it takes more than {} runs each to show "
        "it in 4 of 5 tries.",
        k_most);
  }
  return fmt::format(
      " If they differ as these runs do, {} runs each would show it in 4 of 5 tries.",
      *contrast.runs_to_show);
}

Answer answer_not_shown(const Pair& pair) {
  const Contrast& contrast = pair.contrast;
  std::string basis =
      fmt::format("The medians differ by {}, which {} do not tell from chance ({}).",
                  in_seconds(std::abs(*contrast.difference_s)), counts(pair.first, pair.second),
                  p_text(*contrast.p_value));
  if (contrast.difference_ci) {
    basis +=
        fmt::format(" {} less {} lies between {} and {} (95 % interval).", name_of(pair.second),
                    name_of(pair.first), signed_seconds(contrast.difference_ci->low),
                    signed_seconds(contrast.difference_ci->high));
  }
  return {fmt::format("**No difference between {} and {} is shown:** their medians are {} and {}.",
                      name_of(pair.first), name_of(pair.second), time_of(pair.first),
                      time_of(pair.second)),
          basis + what_would_settle(contrast)};
}

Answer answer_mixed(const Comparison& comparison, const Pair& pair) {
  const Contrast& contrast = pair.contrast;
  return {
      fmt::format("**{} and {} differ, though not by their medians**, {} and {}. Look at every "
                  "run.",
                  name_of(pair.first), name_of(pair.second), time_of(pair.first),
                  time_of(pair.second)),
      fmt::format("A rank test ({}, {}) finds that {}s from {} tend to take longer.",
                  counts(pair.first, pair.second), p_text(*contrast.p_value),
                  start_word(comparison), name_of(contrast.longer > 0 ? pair.second : pair.first))};
}

Answer answer_single(const Pair& pair) {
  const Contrast& contrast = pair.contrast;
  const bool one_each = pair.first.cold.load_s->n == 1 && pair.second.cold.load_s->n == 1;
  return {
      fmt::format(
          "**{} took {} and {} took {} ({}).** One run of a path cannot tell a difference from "
          "chance.",
          name_of(pair.first), time_of(pair.first), name_of(pair.second), time_of(pair.second),
          one_each ? "one run each"
                   : fmt::format("medians of {}", counts(pair.first, pair.second))),
      fmt::format("These runs give a ratio of {} and a difference of {}. Nothing more is claimed. "
                  "`--runs 5` would give an interval.",
                  in_times(*contrast.ratio), signed_seconds(*contrast.difference_s))};
}

Answer answer_of(const Comparison& comparison, const Pair& pair) {
  switch (pair.contrast.claim) {
    case Claim::single_runs:
      return answer_single(pair);
    case Claim::separated:
      return answer_separated(pair);
    case Claim::not_shown:
      return answer_not_shown(pair);
    case Claim::mixed:
      return answer_mixed(comparison, pair);
    default:
      return answer_shown(comparison, pair);
  }
}

// "p = 0.016 for 2 comparisons".
std::string p_text_of(const Contrast& contrast) {
  const std::string p = p_text(*contrast.p_value);
  return contrast.looks > 1 ? fmt::format("{} for {} comparisons", p, contrast.looks) : p;
}

std::string name_of_command(const Arm& arm) { return markdown_code(findings::command_of(arm)); }

// Of a path without `coldload run`, the first, and with it, the second.
double saved_s(const Pair& pair) { return median_s(pair.first) - median_s(pair.second); }

std::string medians(const Pair& pair) {
  const std::size_t n_without = pair.first.cold.load_s->n;
  const std::size_t n_with = pair.second.cold.load_s->n;
  return n_without == n_with
             ? fmt::format("medians of {} each", runs(n_with))
             : fmt::format("medians of {} without and {} with it", runs(n_without), runs(n_with));
}

// What the weights phase tells beside the whole: reading that is hidden, and a start that is
// longer.
std::string weights_phase_with(const Pair& pair, const StorageShare& share) {
  const records::Trial* trial = median_trial(pair.second.cold);
  const auto weights_s =
      trial == nullptr ? std::nullopt : records::phase_seconds(*trial, "weights");
  if (!share.of_phase || !weights_s) return "";
  std::string out = fmt::format(". With it, that phase took {} instead of {}",
                                in_seconds(*weights_s), in_seconds(share.cold_s));
  constexpr double k_worth_saying_s = 1;
  const double rest_s = share.cold_s - *weights_s - saved_s(pair);
  if (rest_s > k_worth_saying_s) {
    out += fmt::format(". All else took {} longer in these runs", in_seconds(rest_s));
  }
  return out + '.';
}

// How much of what storage costs that is, where warm runs tell it.
std::string share_of_storage(const Pair& pair) {
  const auto share = pair.first.share;
  if (!share || !share->is_clear || saved_s(pair) <= 0) return "";
  const std::string costs =
      fmt::format(" Storage costs {} of a start without it ({}cold less warm)",
                  in_seconds(share->seconds()), share->of_phase ? "the weights phase, " : "");
  const std::string phase = weights_phase_with(pair, *share);
  if (!phase.empty()) return costs + phase;
  return costs + fmt::format(". {} of that is saved.",
                             percent(std::min(1.0, saved_s(pair) / share->seconds())));
}

std::string prefetch_shown(const Pair& pair) {
  const bool saves = saved_s(pair) >= 0;
  return fmt::format(
      "**Reading the weights of {} while the server starts {} {}{}: ready after {} instead of {}** "
      "({}; a rank test gives {}).{}",
      name_of(pair.first), saves ? "saves" : "costs", in_seconds(std::abs(saved_s(pair))),
      seconds_interval_note(pair.contrast.difference_ci, saves), time_of(pair.second),
      time_of(pair.first), medians(pair), p_text(*pair.contrast.p_value), share_of_storage(pair));
}

}  // namespace

Answer answer_for(const Comparison& comparison, const Contrast& contrast) {
  if (contrast.claim == Claim::nothing) return {};
  const Pair pair(comparison, contrast);
  Answer answer = answer_of(comparison, pair);
  if (const auto different = different_weights(comparison, pair.first, pair.second)) {
    answer.said = fmt::format("**{}. This compares more than storage.** {}", text_of(*different),
                              answer.said);
  }
  if (are_same_storage(comparison, contrast)) {
    answer.said =
        fmt::format("**{} and {} are the same storage, so this is no comparison of storage.** {}",
                    name_of(pair.first), name_of(pair.second), answer.said);
    answer.basis = "Whatever differs comes from elsewhere. " + answer.basis;
  }
  return answer;
}

Answer answer_for_ways(const Comparison& comparison, const std::string& path,
                       const Contrast& contrast) {
  if (contrast.claim == Claim::nothing) return {};
  const Pair pair(comparison, contrast);
  const std::string fast = name_of_command(pair.fast);
  const std::string slow = name_of_command(pair.slow);
  const std::string took =
      fmt::format("{} with {}, {} with {}", time_of(pair.fast), fast, time_of(pair.slow), slow);
  const std::string counted = counts(pair.first, pair.second);
  const std::string p = p_text_of(contrast);
  switch (contrast.claim) {
    case Claim::single_runs:
      return {
          fmt::format("**From {}: {}.** One run cannot tell a difference from chance.", path, took),
          fmt::format("Of {}.", counted)};
    case Claim::separated:
      return {
          fmt::format("**From {}, {} was ready {} earlier than {}**, in too few runs to rule "
                      "out chance: {}.",
                      path, fast, pair.difference(), slow, took),
          fmt::format("Every run with {} was slower than every run with {}. But {} are too few: "
                      "the rank test cannot get below {}. {} runs each could show it.",
                      slow, fast, counted, p, findings::fewest_to_show(contrast.looks))};
    case Claim::mixed:
      return {fmt::format("**From {}, {} and {} differ, though not by their medians:** {}.", path,
                          fast, slow, took),
              fmt::format("A rank test ({}) tells the runs apart ({}).", counted, p)};
    case Claim::not_shown:
      return {fmt::format("**From {}, no difference between {} and {} is shown:** {}.", path, fast,
                          slow, took),
              fmt::format("{} do not tell these medians from chance ({}).{}", counted, p,
                          what_would_settle(contrast))};
    default:
      return {fmt::format("**From {}, {} is ready {} earlier than {}**{}: {}.", path, fast,
                          pair.difference(), slow,
                          seconds_interval_note(contrast.difference_ci, *contrast.difference_s < 0),
                          took),
              fmt::format("Medians of {}. A rank test gives {}.", counted, p)};
  }
}

std::string answer_of_reading_ahead(const Comparison& comparison, const Contrast& contrast) {
  if (contrast.claim == Claim::nothing) return "";
  const Pair pair(comparison, contrast);
  const std::string label = name_of(pair.first);
  const std::string took =
      fmt::format("{} with it, {} without", time_of(pair.second), time_of(pair.first));
  switch (contrast.claim) {
    case Claim::single_runs:
      return fmt::format(
          "**Reading the weights of {} while the server starts: {}** ({}). One run cannot tell a "
          "saving from chance.",
          label, took, medians(pair));
    case Claim::separated:
      return fmt::format(
          "**Reading the weights of {} while the server starts: {}** ({}). Every run with it was "
          "{} "
          "than every run without. They are too few to rule out chance.",
          label, took, medians(pair), saved_s(pair) >= 0 ? "faster" : "slower");
    case Claim::mixed:
      return fmt::format(
          "**Medians do not tell what reading the weights of {} while the server starts changes:** "
          "{} ({}). A rank test does tell the runs apart ({}).",
          label, took, medians(pair), p_text(*contrast.p_value));
    case Claim::not_shown:
      return fmt::format(
          "**No saving by reading the weights of {} while the server starts is shown:** {} ({}; a "
          "rank test gives {}).",
          label, took, medians(pair), p_text(*contrast.p_value));
    default:
      return prefetch_shown(pair);
  }
}

std::string claim_in_short(const Contrast& contrast) {
  switch (contrast.claim) {
    case Claim::single_runs:
      return "; single runs: no claim";
    case Claim::separated:
      return "; ranges apart, too few runs for a test";
    case Claim::not_shown:
      return fmt::format("; not told from chance ({})", p_text(*contrast.p_value));
    case Claim::mixed:
      return fmt::format("; {}, but not by the medians", p_text(*contrast.p_value));
    default:
      return fmt::format(", {}", p_text(*contrast.p_value));
  }
}

std::string how_sure_of_copy(const Staging& staging) {
  const Contrast contrast =
      findings::contrast_of(staging.source->cold.values_s, staging.staged->cold.values_s);
  if (!contrast.p_value || *contrast.p_value < statistics::k_significance) return "";
  const std::string copy = runs(staging.staged->cold.values_s.size());
  const std::string source = runs(staging.source->cold.values_s.size());
  const std::string label = name_of(*staging.source);
  if (!contrast.ranges_apart) {
    return fmt::format(
        " These runs do not tell starts from the copy ({}) apart from starts from {} ({}; {}).",
        copy, label, source, p_text(*contrast.p_value));
  }
  return fmt::format(
      " Every start from the copy ({}) was {} than every start from {} ({}). With so few runs the "
      "rank test cannot get below {}.",
      copy, staging.later_s < staging.source_s ? "faster" : "slower", label, source,
      p_text(*contrast.p_value));
}

std::string title_of(const Comparison& comparison) {
  const std::string subject = subject_of(comparison);
  const Contrast* contrast = main_contrast(comparison);
  if (contrast == nullptr) {
    const std::string medians = median_list(comparison);
    return fmt::format("{}: {}", subject,
                       medians.empty() ? measured_instead_of_cold(comparison) : medians);
  }
  const Pair pair(comparison, *contrast);
  const std::string both = fmt::format("{} and {}", name_of(pair.first), name_of(pair.second));
  const bool are_same = are_same_storage(comparison, *contrast);
  if (different_weights(comparison, pair.first, pair.second)) {
    return fmt::format("{}: {} {}hold different weights", subject, both,
                       are_same ? "are the same storage and " : "");
  }
  if (are_same) return fmt::format("{}: {} are the same storage", subject, both);
  switch (contrast->claim) {
    case Claim::shown:
      return fmt::format("{}: {} takes {} {}", subject, name_of(pair.slow),
                         longer_than(pair.ratio()), name_of(pair.fast));
    case Claim::separated:
      return fmt::format("{}: {} took {} {} ({})", subject, name_of(pair.slow),
                         longer_than(pair.ratio()), name_of(pair.fast),
                         counts(pair.fast, pair.slow));
    case Claim::not_shown:
      return fmt::format("{}: no difference shown between {}", subject, both);
    case Claim::mixed:
      return fmt::format("{}: {} differ, though not by their medians", subject, both);
    default:
      return fmt::format("{}: {}", subject, median_list(comparison));
  }
}

}  // namespace coldload::report
