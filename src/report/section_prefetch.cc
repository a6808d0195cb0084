// Whether reading the weights beside the server's start pays.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/dominance.h"
#include "report/sections.h"
#include "report/terms.h"
#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"
#include "text/json.h"

namespace coldload::report {

namespace {

using text::markdown_code;

// The same path without and with `coldload run`. Seconds are medians.
struct Prefetch {
  const Arm& without;
  const Arm& with;
  Contrast contrast;  // with against without

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

std::string answer_shown(const Prefetch& prefetch) {
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

// In how many of its runs nothing was read ahead, and why, in the words of the first.
std::string not_read(const Prefetch& prefetch) {
  const std::vector<const records::Record*> trials = not_read_ahead(prefetch.with);
  if (trials.empty()) return "";
  const auto why =
      text::string_at(trials.front()->reported, records::k_not_read_ahead_key).value_or("");
  return fmt::format(
      "**In {} of {} starts by `coldload run` nothing of {} was read beside the server:** {}",
      trials.size(), prefetch.with.cold.trials.size(), markdown_code(prefetch.without.facts.label),
      sentence(text::markdown_text(why)));
}

std::string answer_for(const Prefetch& prefetch) {
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
  return answer_shown(prefetch);
}

}  // namespace

std::string prefetch_section(const Comparison& comparison) {
  std::string out;
  for (std::size_t with = 0; with < comparison.arms.size(); ++with) {
    const std::string& label = comparison.arms[with].facts.prefetch_of;
    if (label.empty()) continue;
    for (std::size_t without = 0; without < comparison.arms.size(); ++without) {
      if (comparison.arms[without].facts.label != label) continue;
      const Prefetch prefetch{comparison.arms[without], comparison.arms[with],
                              contrast_of(comparison, without, with)};
      const std::string declined = not_read(prefetch);
      const std::string answer = declined.empty() ? answer_for(prefetch) : declined;
      if (!answer.empty()) out += answer + "\n\n";
    }
  }
  if (out.empty()) return "";
  return "## Read the weights while the server starts?\n\n" + out +
         "`coldload run PATH -- SERVER...` is how: the server's command does not change.\n\n";
}

}  // namespace coldload::report
