#include "report/verdict.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "findings/setting.h"
#include "report/caveats.h"
#include "report/dominance.h"
#include "report/terms.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/units.h"

namespace coldload::report {

namespace {

using text::markdown_text;

// The longest and the shortest of what a contrast compares, by median.
struct Pair {
  const Arm& fast;
  const Arm& slow;
  double ratio;
};
Pair pair_of(const Comparison& comparison, const Contrast& contrast) {
  const Arm& first = comparison.arms[contrast.first];
  const Arm& second = comparison.arms[contrast.second];
  const bool in_order = first.cold.load_s->median <= second.cold.load_s->median;
  const Arm& fast = in_order ? first : second;
  const Arm& slow = in_order ? second : first;
  const double least = fast.cold.load_s->median;
  return {fast, slow, least > 0 ? slow.cold.load_s->median / least : 1};
}

std::string subject_of(const Comparison& comparison) {
  std::string subject = all_verified(comparison) ? "Cold load of " : "Load of ";
  subject += comparison.model.empty() ? "a checkpoint" : markdown_text(comparison.model);
  if (comparison.checkpoint_bytes != 0) {
    subject += fmt::format(" ({})", text::format_bytes(comparison.checkpoint_bytes));
  }
  return subject;
}

std::string median_list(const Comparison& comparison) {
  std::vector<std::string> words;
  for (const Arm& arm : comparison.arms) {
    if (arm.is_measured()) {
      words.push_back(fmt::format("{} {}", name_of(arm), in_seconds(arm.cold.load_s->median)));
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

// "a cold start", as far as cold was verified.
std::string a_start(const Comparison& comparison) {
  return fmt::format("a {}{}", all_verified(comparison) ? "cold " : "", start_word(comparison));
}

std::string answer_shown(const Comparison& comparison, const Contrast& contrast) {
  const Pair pair = pair_of(comparison, contrast);
  const double difference = pair.slow.cold.load_s->median - pair.fast.cold.load_s->median;
  std::string interval;
  if (contrast.difference_ci) {
    statistics::Interval ci = *contrast.difference_ci;
    if (*contrast.difference_s < 0) ci = {-ci.high, -ci.low};
    interval = fmt::format(" (95 % interval {})", in_seconds(ci));
  }
  std::string answer =
      fmt::format("**Loading from {} instead of {} adds {}{} to {}: {} instead of {}**, {}",
                  name_of(pair.slow), name_of(pair.fast), in_seconds(difference), interval,
                  a_start(comparison), in_seconds(pair.slow.cold.load_s->median),
                  in_seconds(pair.fast.cold.load_s->median), longer_by(pair.ratio));
  if (contrast.ratio_ci && pair.ratio >= 1.1) {
    statistics::Interval ci = *contrast.ratio_ci;
    if (*contrast.ratio < 1) ci = {1 / ci.high, 1 / ci.low};
    answer += fmt::format(" (95 % interval {} to {})", in_times(ci.low), in_times(ci.high));
  }
  return fmt::format("{}. Medians of {}; a rank test gives {}.", answer,
                     counts(pair.fast, pair.slow), p_text(*contrast.p_value));
}

std::string answer_separated(const Comparison& comparison, const Contrast& contrast) {
  const Pair pair = pair_of(comparison, contrast);
  const double difference = pair.slow.cold.load_s->median - pair.fast.cold.load_s->median;
  return fmt::format(
      "**{} took {} where {} took {}: {} more.** Every run of {} was slower than every run of {}, "
      "but {} are too few to rule out chance (the rank test cannot get below {} with them) or to "
      "give an interval; 5 runs each could.",
      name_of(pair.slow), in_seconds(pair.slow.cold.load_s->median), name_of(pair.fast),
      in_seconds(pair.fast.cold.load_s->median), in_seconds(difference), name_of(pair.slow),
      name_of(pair.fast), counts(pair.fast, pair.slow), p_text(*contrast.p_value));
}

// How many runs it would take, if the paths differ as these runs do.
std::string what_would_settle(const Contrast& contrast) {
  constexpr std::size_t k_most = 200;
  if (!contrast.runs_to_show || *contrast.runs_to_show > k_most) {
    return fmt::format(
        " If they differ by no more than these runs do, it would take more than {} runs each to "
        "show it (4 times of 5).",
        k_most);
  }
  return fmt::format(" If they differ as these runs do, {} runs each would show it (4 times of 5).",
                     *contrast.runs_to_show);
}

std::string answer_not_shown(const Comparison& comparison, const Contrast& contrast) {
  const Arm& first = comparison.arms[contrast.first];
  const Arm& second = comparison.arms[contrast.second];
  std::string answer = fmt::format(
      "**No difference between {} and {} is shown:** their medians, {} and {}, differ by {}, which "
      "{} do not tell from chance ({}).",
      name_of(first), name_of(second), in_seconds(first.cold.load_s->median),
      in_seconds(second.cold.load_s->median), in_seconds(std::abs(*contrast.difference_s)),
      counts(first, second), p_text(*contrast.p_value));
  if (contrast.difference_ci) {
    answer += fmt::format(" {} less {} lies between {} and {} (95 % interval).", name_of(second),
                          name_of(first), signed_seconds(contrast.difference_ci->low),
                          signed_seconds(contrast.difference_ci->high));
  }
  return answer + what_would_settle(contrast);
}

std::string answer_mixed(const Comparison& comparison, const Contrast& contrast) {
  const Arm& first = comparison.arms[contrast.first];
  const Arm& second = comparison.arms[contrast.second];
  const std::string word = start_word(comparison);
  return fmt::format(
      "**{} and {} differ, though not by their medians:** these are {} and {}, but a rank test "
      "({}, {}) finds that {}s from {} tend to take longer. Look at every trial.",
      name_of(first), name_of(second), in_seconds(first.cold.load_s->median),
      in_seconds(second.cold.load_s->median), counts(first, second), p_text(*contrast.p_value),
      word, name_of(contrast.longer > 0 ? second : first));
}

std::string answer_single(const Comparison& comparison, const Contrast& contrast) {
  const Arm& first = comparison.arms[contrast.first];
  const Arm& second = comparison.arms[contrast.second];
  return fmt::format(
      "**{} took {} and {} took {} ({}): a ratio of {} and a difference of {} in these runs.** One "
      "run of a path cannot tell a difference from chance, so no more than that is claimed; "
      "`--runs 5` would give an interval.",
      name_of(first), in_seconds(first.cold.load_s->median), name_of(second),
      in_seconds(second.cold.load_s->median),
      first.cold.load_s->n == 1 && second.cold.load_s->n == 1
          ? "one run each"
          : fmt::format("medians of {}", counts(first, second)),
      in_times(*contrast.ratio), signed_seconds(*contrast.difference_s));
}

std::string answer_for(const Comparison& comparison, const Contrast& contrast) {
  std::string answer;
  switch (contrast.claim) {
    case Claim::nothing:
      return "";
    case Claim::single_runs:
      answer = answer_single(comparison, contrast);
      break;
    case Claim::separated:
      answer = answer_separated(comparison, contrast);
      break;
    case Claim::shown:
      answer = answer_shown(comparison, contrast);
      break;
    case Claim::not_shown:
      answer = answer_not_shown(comparison, contrast);
      break;
    case Claim::mixed:
      answer = answer_mixed(comparison, contrast);
      break;
  }
  if (!are_same_storage(comparison, contrast)) return answer;
  return fmt::format(
      "**{} and {} are the same storage, so this is no comparison of storage:** whatever differs "
      "comes from elsewhere. {}",
      name_of(comparison.arms[contrast.first]), name_of(comparison.arms[contrast.second]), answer);
}

std::string answer_without_contrast(const Comparison& comparison) {
  std::vector<std::string> figures;
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_measured()) continue;
    const statistics::Summary& load = *arm.cold.load_s;
    figures.push_back(load.n == 1
                          ? fmt::format("{} loads in {} (one run, so its spread is unknown)",
                                        name_of(arm), in_seconds(load.median))
                          : fmt::format("{} loads in {} (median of {}, {} to {})", name_of(arm),
                                        in_seconds(load.median), runs(load.n), in_seconds(load.min),
                                        in_seconds(load.max)));
  }
  return figures.empty() ? "" : fmt::format("**{}.**", joined(figures));
}

// What is missing, for an arm without a usable cold trial.
std::string answer_missing(const Arm& arm) {
  if (arm.is_open()) {
    return fmt::format(
        "{} is still to be measured{}{}. How to run it: see \"Still to be measured\".",
        name_of(arm), arm.facts.missing.empty() ? "" : ": ", markdown_text(arm.facts.missing));
  }
  const std::size_t failed = static_cast<std::size_t>(std::count_if(
      arm.left_out.begin(), arm.left_out.end(),
      [&arm](const records::Record* trial) { return trial->storage_mode == arm.cold.label; }));
  if (failed == 0) return fmt::format("{} has no cold trial on record.", name_of(arm));
  return fmt::format(
      "{} has no usable cold time: {}. The reasons are under \"What to doubt\"; what was measured "
      "is not averaged.",
      name_of(arm),
      failed == 1 ? "its one trial is not what it should be"
                  : fmt::format("none of its {} trials is what it should be", failed));
}

}  // namespace

std::string start_word(const Comparison& comparison) {
  return loads_only(comparison) ? "load" : "start";
}

std::string title_of(const Comparison& comparison) {
  const std::string subject = subject_of(comparison);
  const Contrast* contrast = main_contrast(comparison);
  if (contrast == nullptr) {
    const std::string medians = median_list(comparison);
    if (medians.empty()) return fmt::format("{}: nothing usable measured", subject);
    return fmt::format("{}: {}", subject, medians);
  }
  const Arm& first = comparison.arms[contrast->first];
  const Arm& second = comparison.arms[contrast->second];
  if (are_same_storage(comparison, *contrast)) {
    return fmt::format("{}: {} and {} are the same storage", subject, name_of(first),
                       name_of(second));
  }
  const Pair pair = pair_of(comparison, *contrast);
  switch (contrast->claim) {
    case Claim::shown:
      return fmt::format("{}: {} takes {} {}", subject, name_of(pair.slow), longer_than(pair.ratio),
                         name_of(pair.fast));
    case Claim::separated:
      return fmt::format("{}: {} took {} {} ({})", subject, name_of(pair.slow),
                         longer_than(pair.ratio), name_of(pair.fast), counts(pair.fast, pair.slow));
    case Claim::not_shown:
      return fmt::format("{}: no difference shown between {} and {}", subject, name_of(first),
                         name_of(second));
    case Claim::mixed:
      return fmt::format("{}: {} and {} differ, though not by their medians", subject,
                         name_of(first), name_of(second));
    default:
      return fmt::format("{}: {}", subject, median_list(comparison));
  }
}

std::vector<std::string> answers_of(const Comparison& comparison) {
  std::vector<std::string> answers;
  const auto add = [&answers](std::string answer) {
    if (!answer.empty()) answers.push_back(std::move(answer));
  };
  if (main_contrast(comparison) == nullptr) add(answer_without_contrast(comparison));
  for (const Contrast& contrast : comparison.contrasts) {
    // Those questions have sections of their own.
    if (!comparison.arms[contrast.second].is_plain()) continue;
    add(answer_for(comparison, contrast));
  }
  add(storage_in_short(comparison));
  for (std::string& caveat : caveats_of(comparison)) add(std::move(caveat));
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_measured()) add(answer_missing(arm));
  }
  if (loads_only(comparison) && !comparison.trials.empty()) {
    add("The target is coldload's own loader: times are for loading the weights alone. A server "
        "adds its start, compilation and warm-up to them.");
  }
  return answers;
}

}  // namespace coldload::report
