#include "findings/compare.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "findings/expectation.h"
#include "findings/pooling.h"
#include "findings/setting.h"
#include "records/trial_figures.h"

namespace coldload::findings {

namespace {

using records::ArmFacts;
using records::ExperimentFacts;
using records::Record;
using records::Status;
using records::values_of;
using statistics::median_if_any;

Arm& arm_of(Comparison* comparison, const std::string& label) {
  const auto found = std::find_if(comparison->arms.begin(), comparison->arms.end(),
                                  [&](const Arm& arm) { return arm.facts.label == label; });
  if (found != comparison->arms.end()) return *found;
  comparison->arms.emplace_back();
  comparison->arms.back().facts.label = label;
  comparison->arms.back().cold.label = label;
  comparison->arms.back().warm.label = label + "_warm";
  return comparison->arms.back();
}

// A placeholder gives way to a path; a later path to an earlier one of the same label does not
// occur within a pool, but its facts may be newer.
void merge(const ExperimentFacts& facts, Comparison* comparison) {
  for (const ArmFacts& arm : facts.arms) {
    Arm& merged = arm_of(comparison, arm.label);
    if (arm.floor) merged.floors.emplace(facts.id, *arm.floor);
    ArmFacts& known = merged.facts;
    const bool nothing_known = known.path.empty();
    if (!nothing_known && arm.placeholder) continue;
    std::optional<records::Floor> older = std::move(known.floor);
    known = arm;
    if (!arm.staged_from.empty()) merged.warm.label = arm.label + "_hot";
    // With --no-floor; one that failed has its reason, which is the news.
    if (!known.floor && known.no_floor_reason.empty()) known.floor = std::move(older);
  }
  std::vector<records::SameStorage> same_storage = std::move(comparison->facts.same_storage);
  for (const records::SameStorage& pair : facts.same_storage) {
    const bool is_known =
        std::find(same_storage.begin(), same_storage.end(), pair) != same_storage.end();
    if (!is_known) same_storage.push_back(pair);
  }
  comparison->facts = facts;
  comparison->facts.same_storage = std::move(same_storage);
  comparison->experiments.push_back(facts.id);
  if (!facts.command.empty()) comparison->commands.push_back(facts.command);
}

Mode& mode_of(Arm* arm, const std::string& label) {
  if (label == arm->cold.label) return arm->cold;
  if (label == arm->warm.label) return arm->warm;
  for (Mode& mode : arm->other_modes) {
    if (mode.label == label) return mode;
  }
  arm->other_modes.emplace_back();
  arm->other_modes.back().label = label;
  return arm->other_modes.back();
}

void place(const Record& record, Comparison* comparison) {
  comparison->trials.push_back(&record);
  comparison->model = record.model;
  comparison->max_model_len = record.max_model_len;
  Arm& arm = arm_of(comparison, record.arm);
  arm.checkpoint_bytes = std::max(arm.checkpoint_bytes, record.checkpoint_bytes);
  comparison->checkpoint_bytes = std::max(comparison->checkpoint_bytes, record.checkpoint_bytes);
  if (record.storage_mode == arm.cold.label) ++arm.cold_verdicts[record.cold];
  if (record.status != Status::ok || !record.load_s) {
    arm.left_out.push_back(&record);
    return;
  }
  Mode& mode = mode_of(&arm, record.storage_mode);
  mode.trials.push_back(&record);
  mode.values_s.push_back(*record.load_s);
}

void summarize(Mode* mode) {
  mode->load_s = statistics::summarize(mode->values_s);
  if (!mode->load_s) return;
  std::vector<double> rates;
  std::vector<double> bytes;
  for (const Record* trial : mode->trials) {
    if (trial->checkpoint_bytes != 0) bytes.push_back(static_cast<double>(trial->checkpoint_bytes));
    // What a warm trial read from storage says nothing about storage's rate.
    if (trial->cold != records::Cold::warm && trial->storage_bytes_read && *trial->load_s > 0) {
      rates.push_back(static_cast<double>(*trial->storage_bytes_read) / *trial->load_s);
    }
  }
  mode->gpu_mem_mib = median_if_any(values_of(mode->trials, &Record::gpu_mem_used_mb));
  mode->first_token_s = median_if_any(values_of(mode->trials, &Record::first_token_s));
  mode->storage_rate_bytes_per_s = median_if_any(rates);
  if (!bytes.empty() && mode->load_s->median > 0) {
    mode->load_rate_bytes_per_s = statistics::median(bytes) / mode->load_s->median;
  }
}

void summarize(Arm* arm) {
  summarize(&arm->cold);
  summarize(&arm->warm);
  for (Mode& mode : arm->other_modes) summarize(&mode);
  arm->outliers = statistics::outliers(arm->cold.values_s);
  arm->trend = statistics::trend_over_order(arm->cold.values_s);
  arm->lower_cluster = statistics::lower_cluster(arm->cold.values_s);
}

// The native ones by their model, each list as `all` has them.
using NativeByModel = std::map<std::string, std::vector<const Comparison*>>;

NativeByModel native_by_model(const std::vector<Comparison>& all) {
  NativeByModel found;
  for (const Comparison& one : all) {
    if (is_native(one.facts)) found[one.model].push_back(&one);
  }
  return found;
}

void add_native_loads(const NativeByModel& native_ones, Comparison* comparison) {
  if (is_native(comparison->facts)) return;
  const auto of_model = native_ones.find(comparison->model);
  if (of_model == native_ones.end()) return;
  for (const Comparison* native_one : of_model->second) {
    const Comparison& other = *native_one;
    if (other.checkpoint_bytes != comparison->checkpoint_bytes ||
        other.facts.cold_policy != comparison->facts.cold_policy ||
        !are_alike(machine_of(other.facts), machine_of(comparison->facts))) {
      continue;
    }
    for (Arm& arm : comparison->arms) {
      for (const Arm& native : other.arms) {
        if (arm.native_load_s || way_of(native.facts) != way_of(arm.facts)) continue;
        arm.native_load_s = native.cold.load_s;
      }
    }
  }
}

}  // namespace

std::vector<Comparison> compare(const records::Dataset& dataset) {
  std::vector<Comparison> comparisons;
  std::map<std::string, std::size_t> comparison_of;  // experiment id -> index
  std::vector<Pool> pools = pools_of(dataset);
  const std::size_t not_made = pools.size() - std::min(pools.size(), k_most_comparisons);
  pools.resize(pools.size() - not_made);
  for (const Pool& pool : pools) {
    for (const std::string& id : pool.experiments) comparison_of[id] = comparisons.size();
    comparisons.emplace_back();
  }
  const auto in = [&](const std::string& experiment) -> Comparison* {
    const auto found = comparison_of.find(experiment);
    return found == comparison_of.end() ? nullptr : &comparisons[found->second];
  };
  for (const ExperimentFacts& facts : dataset.experiments()) {
    if (Comparison* const comparison = in(facts.id)) merge(facts, comparison);
  }
  for (const Record& record : dataset.records()) {
    if (Comparison* const comparison = in(record.experiment.id)) place(record, comparison);
  }
  if (!comparisons.empty()) comparisons.front().not_made = not_made;
  for (Comparison& comparison : comparisons) {
    std::set<std::uint64_t> ids;
    for (const Record* trial : comparison.trials) {
      comparison.run_ids_repeat |= !ids.insert(trial->run_id).second;
    }
    for (Arm& arm : comparison.arms) {
      summarize(&arm);
      if (arm.checkpoint_bytes == 0) arm.checkpoint_bytes = comparison.checkpoint_bytes;
      arm.share = storage_share_of(arm.cold.trials, arm.warm.trials, is_native(comparison.facts));
    }
    const auto measured =
        std::find_if(comparison.arms.begin(), comparison.arms.end(),
                     [](const Arm& arm) { return arm.is_plain() && arm.is_measured(); });
    if (measured != comparison.arms.end()) {
      comparison.reference = static_cast<std::size_t>(measured - comparison.arms.begin());
    }
    for (std::size_t arm = comparison.reference + 1; arm < comparison.arms.size(); ++arm) {
      comparison.contrasts.push_back(contrast_of(comparison, comparison.reference, arm));
    }
    comparison.expectations = expectations_of(comparison);
  }
  const NativeByModel native_ones = native_by_model(comparisons);
  for (Comparison& comparison : comparisons) add_native_loads(native_ones, &comparison);
  return comparisons;
}

}  // namespace coldload::findings
