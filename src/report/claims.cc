#include "report/claims.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/terms.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/units.h"

namespace coldload::report {

namespace {

using text::markdown_code;
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

// The same path without and with `coldload run`. Seconds are medians.
struct Prefetch {
  const Arm& without;
  const Arm& with;
  const Contrast& contrast;  // with against without

  [[nodiscard]] double without_s() const { return without.cold.load_s->median; }
  [[nodiscard]] double with_s() const { return with.cold.load_s->median; }
  [[nodiscard]] double saved_s() const { return without_s() - with_s(); }
};

std::string medians(const Prefetch& prefetch) {
  const std::size_t n_without = prefetch.without.cold.load_s->n;
  const std::size_t n_with = prefetch.with.cold.load_s->n;
  return n_without == n_with
             ? fmt::format("medians of {} each", runs(n_with))
             : fmt::format("medians of {} without and {} with it", runs(n_without), runs(n_with));
}

// What the weights phase tells beside the whole: reading that is hidden, and a start that is
// longer.
std::string weights_phase_with(const Prefetch& prefetch, const StorageShare& share) {
  const records::Record* trial = median_trial(prefetch.with.cold);
  const auto weights_s =
      trial == nullptr ? std::nullopt : records::phase_seconds(*trial, "weights");
  if (!share.of_phase || !weights_s) return "";
  std::string out = fmt::format("; with it that phase took {} instead of {}",
                                in_seconds(*weights_s), in_seconds(share.cold_s));
  constexpr double k_worth_saying_s = 1;
  const double rest_s = share.cold_s - *weights_s - prefetch.saved_s();
  if (rest_s > k_worth_saying_s) {
    out += fmt::format(", and all else took {} longer in these runs", in_seconds(rest_s));
  }
  return out + '.';
}

// How much of what storage costs that is, where warm runs tell it.
std::string share_of_storage(const Prefetch& prefetch) {
  const auto share = prefetch.without.share;
  if (!share || !share->is_clear || prefetch.saved_s() <= 0) return "";
  const std::string costs =
      fmt::format(" Storage costs {} of such a start ({}cold less warm)",
                  in_seconds(share->seconds()), share->of_phase ? "the weights phase, " : "");
  const std::string phase = weights_phase_with(prefetch, *share);
  if (!phase.empty()) return costs + phase;
  return costs + fmt::format(": {} of that are saved.",
                             percent(std::min(1.0, prefetch.saved_s() / share->seconds())));
}

std::string prefetch_shown(const Prefetch& prefetch) {
  std::string interval;
  if (const auto& difference = prefetch.contrast.difference_ci) {
    const statistics::Interval saved =
        prefetch.saved_s() >= 0 ? statistics::Interval{-difference->high, -difference->low}
                                : *difference;
    interval = fmt::format(" (95 % interval {})", in_seconds(saved));
  }
  const char* const effect = prefetch.saved_s() >= 0 ? "saves" : "costs";
  return fmt::format(
      "**Reading the weights of {} beside the server's start {} {}{}: ready after {} instead of "
      "{}** ({}; a rank test gives {}).{}",
      markdown_code(prefetch.without.facts.label), effect, in_seconds(std::abs(prefetch.saved_s())),
      interval, in_seconds(prefetch.with_s()), in_seconds(prefetch.without_s()), medians(prefetch),
      p_text(*prefetch.contrast.p_value), share_of_storage(prefetch));
}

}  // namespace

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

std::string answer_of_reading_ahead(const Arm& without, const Arm& with, const Contrast& contrast) {
  const Prefetch prefetch{without, with, contrast};
  const std::string label = markdown_code(prefetch.without.facts.label);
  const std::string took = fmt::format("{} with it, {} without", in_seconds(prefetch.with_s()),
                                       in_seconds(prefetch.without_s()));
  switch (prefetch.contrast.claim) {
    case Claim::nothing:
      return "";
    case Claim::single_runs:
      return fmt::format(
          "**Reading the weights of {} beside the server's start: {}** ({}). One run cannot tell a "
          "saving from chance.",
          label, took, medians(prefetch));
    case Claim::separated:
      return fmt::format(
          "**Reading the weights of {} beside the server's start: {}** ({}). Every run with it was "
          "{} than every run without, but they are too few to rule out chance.",
          label, took, medians(prefetch), prefetch.saved_s() >= 0 ? "faster" : "slower");
    case Claim::mixed:
      return fmt::format(
          "**What reading the weights of {} beside the server's start changes is not told by "
          "medians:** {} ({}), though a rank test tells the runs apart ({}).",
          label, took, medians(prefetch), p_text(*prefetch.contrast.p_value));
    case Claim::not_shown:
      return fmt::format(
          "**No saving by reading the weights of {} beside the server's start is shown:** {} ({}; "
          "a rank test gives {}).",
          label, took, medians(prefetch), p_text(*prefetch.contrast.p_value));
    case Claim::shown:
      break;
  }
  return prefetch_shown(prefetch);
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
  const std::string label = markdown_code(staging.source->facts.label);
  if (!contrast.ranges_apart) {
    return fmt::format(
        " These runs do not tell starts from the copy ({}) and from {} ({}) from chance ({}).",
        copy, label, source, p_text(*contrast.p_value));
  }
  return fmt::format(
      " Every start from the copy ({}) was {} than every one from {} ({}); with so few the rank "
      "test cannot get below {}.",
      copy, staging.later_s < staging.source_s ? "faster" : "slower", label, source,
      p_text(*contrast.p_value));
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

}  // namespace coldload::report
