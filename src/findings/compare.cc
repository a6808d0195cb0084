#include "findings/compare.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "findings/expectation.h"
#include "findings/herd.h"
#include "findings/pooling.h"
#include "findings/setting.h"
#include "records/trial_figures.h"

namespace coldload::findings {

namespace {

using records::ArmParts;
using records::Experiment;
using records::FactsParts;
using records::Status;
using records::Trial;
using records::values_of;
using statistics::median_if_any;

Arm& arm_of(Comparison* comparison, std::string_view label) {
  const auto found = std::find_if(comparison->arms.begin(), comparison->arms.end(),
                                  [&](const Arm& arm) { return arm.facts.label == label; });
  if (found != comparison->arms.end()) return *found;
  Arm& arm = comparison->arms.emplace_back();
  arm.facts.label = label;
  arm.cold.label = label;
  arm.warm.label = arm.facts.label + "_warm";
  return arm;
}

// What is known of an arm so far: nothing, where it is null.
struct KnownArm {
  const ArmParts* facts = nullptr;
  // Whose arm, and which, tells its floor; null where none is known.
  const Experiment* floor_of = nullptr;
  std::size_t floor_arm = 0;
};

// A placeholder gives way to a path; a later path to an earlier one of the same label does not
// occur within a pool, but its facts may be newer.
void merge(const Experiment& experiment, std::size_t which, KnownArm* known, Arm* merged) {
  const ArmParts& arm = experiment.facts.arms[which];
  const bool nothing_known = known->facts == nullptr || known->facts->path.empty();
  if (!nothing_known && arm.rest->placeholder) return;
  known->facts = &arm;
  if (!arm.rest->staged_from.empty()) merged->warm.label = arm.rest->label + "_hot";
  // With --no-floor the older one stays; one that failed has its reason, which is the news.
  if (arm.floor == nullptr && arm.rest->no_floor_reason.empty()) return;
  known->floor_of = arm.floor != nullptr ? &experiment : nullptr;
  known->floor_arm = which;
}

void merge(const std::vector<records::SameStorage>& pairs,
           std::vector<records::SameStorage>* known) {
  for (const records::SameStorage& pair : pairs) {
    if (std::find(known->begin(), known->end(), pair) == known->end()) known->push_back(pair);
  }
}

// The facts of a pool's experiments, taken together.
void add_facts(const Pool& pool, const records::Dataset& dataset, Comparison* comparison) {
  std::vector<KnownArm> known;  // of comparison->arms
  std::vector<records::SameStorage> same_storage;
  const FactsParts* merged = nullptr;
  for (const Experiment* experiment : pool) {
    const FactsParts& facts = experiment->facts;
    comparison->experiments.emplace_back(experiment->id);
    if (!facts.command.empty()) comparison->commands.push_back(facts.command);
    if (merged != nullptr && are_same(*merged, facts)) continue;
    for (std::size_t which = 0; which < facts.arms.size(); ++which) {
      Arm& merged_arm = arm_of(comparison, facts.arms[which].rest->label);
      known.resize(comparison->arms.size());
      const auto index = static_cast<std::size_t>(&merged_arm - comparison->arms.data());
      merge(*experiment, which, &known[index], &merged_arm);
    }
    merge(facts.rest->same_storage, &same_storage);
    merged = &facts;
  }
  for (std::size_t index = 0; index < known.size(); ++index) {
    Arm& arm = comparison->arms[index];
    arm.facts = known[index].facts->whole();
    const Experiment* const floor_of = known[index].floor_of;
    if (floor_of != nullptr) arm.facts.floor = dataset.floor_of(*floor_of, known[index].floor_arm);
  }
  comparison->facts = pool.back()->whole_facts();
  comparison->facts.same_storage = std::move(same_storage);
}

Mode& mode_of(Arm* arm, std::string_view label) {
  if (label == arm->cold.label) return arm->cold;
  if (label == arm->warm.label) return arm->warm;
  for (Mode& mode : arm->other_modes) {
    if (mode.label == label) return mode;
  }
  arm->other_modes.emplace_back();
  arm->other_modes.back().label = label;
  return arm->other_modes.back();
}

void place(const Trial& trial, Comparison* comparison) {
  comparison->trials.push_back(&trial);
  comparison->model = trial.model;
  comparison->max_model_len = trial.max_model_len;
  Arm& arm = arm_of(comparison, trial.arm);
  arm.checkpoint_bytes = std::max(arm.checkpoint_bytes, trial.checkpoint_bytes);
  comparison->checkpoint_bytes = std::max(comparison->checkpoint_bytes, trial.checkpoint_bytes);
  if (trial.storage_mode == arm.cold.label) ++arm.cold_verdicts[trial.cold];
  if (trial.status != Status::ok || !trial.load_s) {
    arm.left_out.push_back(&trial);
    return;
  }
  Mode& mode = mode_of(&arm, trial.storage_mode);
  mode.trials.push_back(&trial);
  mode.values_s.push_back(*trial.load_s);
}

void summarize(Mode* mode) {
  mode->load_s = statistics::summarize(mode->values_s);
  if (!mode->load_s) return;
  std::vector<double> rates;
  std::vector<double> bytes;
  for (const Trial* trial : mode->trials) {
    if (trial->checkpoint_bytes != 0) bytes.push_back(static_cast<double>(trial->checkpoint_bytes));
    // What a warm trial read from storage says nothing about storage's rate.
    const bool is_its_own = trial->cold != records::Cold::warm && !is_one_of_several(*trial);
    if (is_its_own && trial->storage_bytes_read && *trial->load_s > 0) {
      rates.push_back(static_cast<double>(*trial->storage_bytes_read) / *trial->load_s);
    }
  }
  mode->gpu_mem_mib = median_if_any(values_of(mode->trials, &Trial::gpu_mem_used_mb));
  mode->first_token_s = median_if_any(values_of(mode->trials, &Trial::first_token_s));
  mode->storage_rate_bytes_per_s = median_if_any(rates);
  if (!bytes.empty() && mode->load_s->median > 0) {
    mode->load_rate_bytes_per_s = statistics::median(bytes) / mode->load_s->median;
  }
}

// Deeper layers of cold as they lie above each other, behind whatever else there is; herds by
// servers on each node and by size.
void sort_other_modes(Arm* arm) {
  const auto place = [](const Mode& mode) {
    const records::TrialHerd none;
    const records::TrialHerd& herd = is_of_herd(mode) ? *mode.trials.front()->herd : none;
    return std::tuple(layer_of(mode).value_or(records::Layer::warm), herd.per_node, herd.size);
  };
  std::stable_sort(arm->other_modes.begin(), arm->other_modes.end(),
                   [&](const Mode& a, const Mode& b) { return place(a) < place(b); });
}

void summarize(Arm* arm) {
  sort_other_modes(arm);
  summarize(&arm->cold);
  summarize(&arm->warm);
  for (Mode& mode : arm->other_modes) summarize(&mode);
  arm->outliers = statistics::outliers(arm->cold.values_s);
  arm->trend = statistics::trend_over_order(arm->cold.values_s);
  arm->lower_cluster = statistics::lower_cluster(arm->cold.values_s);
}

bool do_run_ids_repeat(const Trials& trials) {
  std::vector<std::uint64_t> ids;
  ids.reserve(trials.size());
  for (const Trial* trial : trials) ids.push_back(trial->run_id);
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) != ids.end();
}

std::string first_note_of(const Trials& trials, const records::Dataset& dataset) {
  const auto noted = std::find_if(trials.begin(), trials.end(),
                                  [](const Trial* trial) { return trial->has_note; });
  return noted == trials.end() ? "" : dataset.note_of(**noted);
}

// Of its arms and between them. Its trials must have been placed.
void summarize(Comparison* comparison) {
  for (Arm& arm : comparison->arms) {
    const auto& first = comparison->arms.front().facts.start;
    arm.is_other_command = first && arm.facts.start && arm.facts.start->name != first->name;
  }
  comparison->run_ids_repeat = do_run_ids_repeat(comparison->trials);
  for (Arm& arm : comparison->arms) {
    summarize(&arm);
    if (arm.checkpoint_bytes == 0) arm.checkpoint_bytes = comparison->checkpoint_bytes;
    arm.share = storage_share_of(arm.cold.trials, arm.warm.trials, is_native(comparison->facts));
  }
  const auto measured =
      std::find_if(comparison->arms.begin(), comparison->arms.end(),
                   [](const Arm& arm) { return arm.is_plain() && arm.is_measured(); });
  if (measured != comparison->arms.end()) {
    comparison->reference = static_cast<std::size_t>(measured - comparison->arms.begin());
  }
  for (std::size_t arm = comparison->reference + 1; arm < comparison->arms.size(); ++arm) {
    comparison->contrasts.push_back(contrast_of(*comparison, comparison->reference, arm));
  }
  comparison->expectations = expectations_of(*comparison);
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
  std::vector<Pool> pools = pools_of(dataset);
  const std::size_t not_made = pools.size() - std::min(pools.size(), k_most_comparisons);
  pools.resize(pools.size() - not_made);
  std::vector<Comparison> comparisons(pools.size());
  std::vector<Comparison*> comparison_of(dataset.experiments().size());
  for (std::size_t index = 0; index < pools.size(); ++index) {
    for (const Experiment* experiment : pools[index]) {
      comparison_of[experiment->number] = &comparisons[index];
    }
    add_facts(pools[index], dataset, &comparisons[index]);
  }
  for (const Trial& trial : dataset.trials()) {
    Comparison* const comparison = comparison_of[trial.experiment->number];
    if (comparison != nullptr) place(trial, comparison);
  }
  if (!comparisons.empty()) comparisons.front().not_made = not_made;
  for (Comparison& comparison : comparisons) {
    summarize(&comparison);
    comparison.note = first_note_of(comparison.trials, dataset);
  }
  const NativeByModel native_ones = native_by_model(comparisons);
  for (Comparison& comparison : comparisons) add_native_loads(native_ones, &comparison);
  return comparisons;
}

}  // namespace coldload::findings
