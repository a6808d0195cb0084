#include "report/dominance.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/verdict.h"
#include "report/wording.h"
#include "text/escape.h"

namespace coldload::report {

namespace {

// From this share of the load on, storage is said to dominate; below one minus it, the rest.
constexpr double k_dominates = 0.5;

// Seconds of the weights phase in every trial of a mode; empty where one does not tell.
std::vector<double> weights_phase_s(const Mode& mode) {
  std::vector<double> values;
  for (const measure::Record* trial : mode.trials) {
    const auto seconds = phase_seconds(*trial, "weights");
    if (!seconds) return {};
    values.push_back(*seconds);
  }
  return values;
}

std::string sentence_of(const Comparison& comparison, const Arm& arm) {
  const double load_s = arm.cold.load_s->median;
  if (!arm.warm.load_s) {
    return fmt::format(
        "{}: no warm run, so storage and the rest are not told apart (`--warm-runs 1` does).",
        name_of(arm));
  }
  const std::string warm_n = runs(arm.warm.load_s->n);
  const StorageShare share = *storage_share_of(comparison, arm);
  const char* const what = share.of_phase ? "the weights phase of " : "";
  if (!share.is_clear) {
    return fmt::format(
        "{}: {}warm runs ({}, median {}) {} not clearly faster than {}cold ones ({}), so storage "
        "is "
        "not what these loads waited for, or the difference is within their scatter.",
        name_of(arm), what, warm_n, in_seconds(share.warm_s), share.of_phase ? "is" : "are",
        share.of_phase ? "that of " : "", in_seconds(share.cold_s));
  }
  const double part = share.seconds() / load_s;
  const char* const dominates =
      part >= k_dominates ? "storage pull dominates" : "the rest dominates";
  const std::string basis = share.of_phase
                                ? fmt::format("as the weights phase took {} cold and {} warm",
                                              in_seconds(share.cold_s), in_seconds(share.warm_s))
                                : std::string("as cold less warm");
  const char* const word = loads_only(comparison) ? "load" : "start";
  return fmt::format(
      "{}: of {}, {} ({}) are storage, {}: **{}**. With the files in memory a {} still takes {} "
      "(measured in {}).",
      name_of(arm), in_seconds(load_s), in_seconds(share.seconds()), percent(part), basis,
      dominates, word, in_seconds(arm.warm.load_s->median), warm_n);
}

// How much of a difference between two arms is storage.
std::string sentence_of(const Comparison& comparison, const Contrast& contrast) {
  const Claim claim = claim_of(comparison, contrast);
  if (claim != Claim::shown && claim != Claim::separated) return "";
  const Arm& first = comparison.arms[contrast.first];
  const Arm& second = comparison.arms[contrast.second];
  if (!first.warm.load_s || !second.warm.load_s) return "";
  const bool in_order = first.cold.load_s->median <= second.cold.load_s->median;
  const Arm& fast = in_order ? first : second;
  const Arm& slow = in_order ? second : first;
  const StorageShare fast_share = *storage_share_of(comparison, fast);
  const StorageShare slow_share = *storage_share_of(comparison, slow);
  if (fast_share.of_phase != slow_share.of_phase) return "";
  if (!fast_share.is_clear || !slow_share.is_clear) return "";
  const double difference = slow.cold.load_s->median - fast.cold.load_s->median;
  const double storage = slow_share.seconds() - fast_share.seconds();
  return fmt::format(
      "The {} that {} takes longer than {}: storage accounts for {} of them, the rest for {} ({}).",
      in_seconds(difference), name_of(slow), name_of(fast), in_seconds(storage),
      in_seconds(difference - storage),
      fast_share.of_phase ? "all that is no weights phase, and its scatter"
                          : "the difference of the warm medians");
}

}  // namespace

std::optional<double> phase_seconds(const measure::Record& trial, const std::string& name) {
  std::optional<double> sum;
  for (const measure::Phase& phase : trial.phases) {
    if (phase.name == name) sum = sum.value_or(0) + phase.end_s - phase.start_s;
  }
  return sum;
}

std::optional<StorageShare> storage_share_of(const Comparison& comparison, const Arm& arm) {
  if (!arm.cold.load_s || !arm.warm.load_s) return std::nullopt;
  StorageShare share{false, arm.cold.load_s->median, arm.warm.load_s->median,
                     arm.storage_share_is_clear()};
  if (loads_only(comparison)) return share;
  const std::vector<double> cold = weights_phase_s(arm.cold);
  const std::vector<double> warm = weights_phase_s(arm.warm);
  if (cold.empty() || warm.empty()) return share;
  return StorageShare{
      true, measure::median(cold), measure::median(warm),
      *std::min_element(cold.begin(), cold.end()) > *std::max_element(warm.begin(), warm.end())};
}

std::vector<std::string> dominance_of(const Comparison& comparison) {
  std::vector<std::string> sentences;
  for (const Arm& arm : comparison.arms) {
    // What storage costs where it is read beside the start is that section's question.
    if (arm.cold.load_s && arm.facts.prefetch_of.empty())
      sentences.push_back(sentence_of(comparison, arm));
  }
  for (const Contrast& contrast : comparison.contrasts) {
    std::string sentence = sentence_of(comparison, contrast);
    if (!sentence.empty()) sentences.push_back(std::move(sentence));
  }
  return sentences;
}

}  // namespace coldload::report
