#include "report/dominance.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/wording.h"

namespace coldload::report {

namespace {

// From this share of the load on, storage is said to dominate; below one minus it, the rest.
constexpr double k_dominates = 0.5;

// Storage grows with the weights, the rest of a server's start hardly.
std::string where_storage_dominates(const Comparison& comparison, const Arm& arm,
                                    const StorageShare& share) {
  constexpr double k_most = 100;  // times the weights: more is no answer to anybody
  const double times = (median_s(arm) - share.seconds()) / share.seconds();
  if (loads_only(comparison) || arm.checkpoint_bytes == 0 || times > k_most) return "";
  const double bytes = static_cast<double>(arm.checkpoint_bytes) * times;
  return fmt::format(
      " Storage would be the larger part from about {} of weights on at this rate (derived), and "
      "sooner where several servers share the path.",
      format_bytes(static_cast<std::uint64_t>(bytes)));
}

std::string sentence_of(const Comparison& comparison, const Arm& arm) {
  const double load_s = median_s(arm);
  if (!arm.warm.load_s) {
    return fmt::format(
        "{}: no run had the weights in memory, so storage and the rest cannot be told apart. "
        "`--warm-runs 1` makes one.",
        name_of(arm));
  }
  if (findings::reads_past_memory(arm.warm)) {
    return fmt::format(
        "{}: most of the weights came from storage in its warm runs, too: they are read past the "
        "page cache, and what of a start is storage cannot be told from these runs.",
        name_of(arm));
  }
  const std::string warm_n = runs(arm.warm.load_s->n);
  const StorageShare share = *arm.share;
  const char* const what = share.of_phase ? "the weights phase of " : "";
  if (share.is_apart && !share.is_clear) {
    return fmt::format(
        "{}: {}every cold run ({}, median {}) took longer than every warm one ({}, median {}). So "
        "few runs lie like that by chance too often to call the difference storage.",
        name_of(arm), share.of_phase ? "in the weights phase, " : "", runs(arm.cold.load_s->n),
        in_seconds(share.cold_s), warm_n, in_seconds(share.warm_s));
  }
  if (!share.is_clear) {
    return fmt::format(
        "{}: {}warm runs ({}, median {}) {} not clearly faster than {}cold ones ({}). Storage is "
        "not what these loads waited for, or the difference is within their scatter.",
        name_of(arm), what, warm_n, in_seconds(share.warm_s), share.of_phase ? "is" : "are",
        share.of_phase ? "that of " : "", in_seconds(share.cold_s));
  }
  const double part = share.seconds() / load_s;
  const char* const dominates = part >= k_dominates      ? "storage pull dominates"
                                : loads_only(comparison) ? "the rest dominates"
                                                         : "the rest of the start dominates";
  const std::string basis = share.of_phase
                                ? fmt::format("The weights phase took {} cold and {} warm.",
                                              in_seconds(share.cold_s), in_seconds(share.warm_s))
                                : std::string("That is cold less warm.");
  return fmt::format(
      "{}: storage is {} of {} ({}), so **{}**. {} With the files in memory a {} still takes {} "
      "({}{}).{}",
      name_of(arm), in_seconds(share.seconds()), in_seconds(load_s), percent(part), dominates,
      basis, start_word(comparison), in_seconds(arm.warm.load_s->median), warm_n,
      not_quite_warm(arm),
      part < k_dominates ? where_storage_dominates(comparison, arm, share) : "");
}

// How much of a difference between two arms is storage.
std::string sentence_of(const Comparison& comparison, const Contrast& contrast) {
  if (contrast.claim != Claim::shown && contrast.claim != Claim::separated) return "";
  const Arm& first = comparison.arms[contrast.first];
  const Arm& second = comparison.arms[contrast.second];
  if (different_weights(comparison, first, second)) return "";
  if (!first.warm.load_s || !second.warm.load_s) return "";
  const bool in_order = median_s(first) <= median_s(second);
  const Arm& fast = in_order ? first : second;
  const Arm& slow = in_order ? second : first;
  const StorageShare fast_share = *fast.share;
  const StorageShare slow_share = *slow.share;
  if (fast_share.of_phase != slow_share.of_phase) return "";
  if (!fast_share.is_clear || !slow_share.is_clear) return "";
  const double difference = median_s(slow) - median_s(fast);
  const double storage = slow_share.seconds() - fast_share.seconds();
  const double rest = difference - storage;
  return fmt::format(
      "Storage makes {} {} {} than {}. The medians differ by {}, because the rest of a {} from {} "
      "took {} {} in these runs.",
      name_of(slow), in_seconds(std::abs(storage)), storage < 0 ? "faster" : "slower",
      name_of(fast), in_seconds(difference), start_word(comparison), name_of(slow),
      in_seconds(std::abs(rest)), rest < 0 ? "less" : "more");
}

}  // namespace

std::optional<double> shown_storage_s(const Arm& arm) {
  return arm.share && arm.share->is_clear ? std::optional(arm.share->seconds()) : std::nullopt;
}

std::string not_quite_warm(const Arm& arm) {
  constexpr double k_little = 0.05;  // of the checkpoint
  std::uint64_t most = 0;
  for (const records::Trial* trial : arm.warm.trials) {
    const std::uint64_t read = trial->storage_bytes_read.value_or(0);
    // What a disk or a tree of processes delivered may be the server's own code.
    const bool is_of_path = trial->storage_bytes_source == "stand_in";
    const bool was_whole = trial->resident_bytes_before.value_or(0) >= trial->checkpoint_bytes;
    if (!is_of_path && was_whole) continue;
    if (static_cast<double>(read) > k_little * static_cast<double>(trial->checkpoint_bytes)) {
      most = std::max(most, read);
    }
  }
  return most == 0 ? "" : fmt::format(", though {} still came from storage", format_bytes(most));
}

std::string storage_in_short(const Comparison& comparison) {
  if (loads_only(comparison)) return "";
  std::vector<const Arm*> paths;  // whose storage share is known, the slowest first
  for (const Arm& arm : comparison.arms) {
    if (arm.is_measured() && arm.is_plain() && shown_storage_s(arm)) paths.push_back(&arm);
  }
  if (paths.empty()) return "";
  std::stable_sort(paths.begin(), paths.end(),
                   [](const Arm* a, const Arm* b) { return median_s(*a) > median_s(*b); });
  std::vector<std::string> storage;
  std::vector<std::string> rest;
  for (const Arm* path : paths) {
    const double load_s = median_s(*path);
    const double storage_s = path->share->seconds();
    storage.push_back(fmt::format("{} of the {} from {}", in_seconds(storage_s), in_seconds(load_s),
                                  name_of(*path)));
    rest.push_back(in_seconds(load_s - storage_s));
  }
  const Arm& slow = *paths.front();
  return fmt::format(
      "Storage is {}. The rest, {}, is the server's start. Starts with the weights in memory took "
      "{} on {} ({}{}).",
      joined(storage), joined(rest), in_seconds(slow.warm.load_s->median), name_of(slow),
      runs(slow.warm.load_s->n), not_quite_warm(slow));
}

std::vector<std::string> dominance_of(const Comparison& comparison) {
  std::vector<std::string> sentences;
  for (const Arm& arm : comparison.arms) {
    // What storage costs where it is read beside the start is that section's question.
    if (arm.cold.load_s && arm.facts.prefetch_of.empty())
      sentences.push_back(sentence_of(comparison, arm));
  }
  for (const Contrast& contrast : comparison.contrasts) {
    sentences.push_back(sentence_of(comparison, contrast));
  }
  std::erase(sentences, "");
  return sentences;
}

}  // namespace coldload::report
