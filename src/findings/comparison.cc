#include "findings/comparison.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "findings/expectation.h"
#include "findings/setting.h"
#include "records/trial_figures.h"

namespace coldload::findings {

namespace {

using records::ArmFacts;
using records::ExperimentFacts;
using records::Record;
using records::Status;

// The experiments whose records may be set against each other.
struct Pool {
  std::string setting;
  Machine machine;
  std::map<std::string, std::string> ways;  // label -> path and stand-in
  std::set<std::string> experiments;
};

// What experiments must share to be taken together. Of coldload's own loader that is its build.
std::string setting_of(const ExperimentFacts& facts, const Record& record,
                       std::uint64_t checkpoint_bytes) {
  std::vector<std::string> words{record.model,
                                 fmt::format("{}", checkpoint_bytes),
                                 fmt::format("{}", record.max_model_len.value_or(0)),
                                 facts.target,
                                 facts.cold_policy,
                                 facts.drop_caches ? "drop_caches" : "",
                                 server_version_of(facts),
                                 compile_cache_of(facts),
                                 is_native(facts) ? coldload_version_of(facts) : ""};
  const auto add = [&words](const char* what, const std::vector<std::string>& more) {
    words.emplace_back(what);
    words.insert(words.end(), more.begin(), more.end());
  };
  std::vector<std::string> variables = server_variables(facts);
  std::sort(variables.begin(), variables.end());
  add("server", server_words(facts));
  add("variables", variables);
  add("pinned", pinned_flags_of(facts));
  add("loader", loader_words(facts));
  return fmt::format("{}", fmt::join(words, "\n"));
}

// Of each experiment the largest that a record has: 0 where none has.
std::map<std::string, std::uint64_t> checkpoint_bytes_of(const records::Dataset& dataset) {
  std::map<std::string, std::uint64_t> bytes;
  for (const Record& record : dataset.records()) {
    std::uint64_t& most = bytes[record.experiment.id];
    most = std::max(most, record.checkpoint_bytes);
  }
  return bytes;
}

std::string way_of(const ArmFacts& arm) {
  return arm.path + '\n' + (arm.stand_in ? arm.stand_in->spec + arm.stand_in->method : "");
}

bool may_join(const Pool& pool, const ExperimentFacts& facts) {
  return std::all_of(facts.arms.begin(), facts.arms.end(), [&pool](const ArmFacts& arm) {
    const auto known = pool.ways.find(arm.label);
    return arm.placeholder || known == pool.ways.end() || known->second == way_of(arm);
  });
}

// Latest first.
std::vector<Pool> pools_of(const records::Dataset& dataset) {
  std::vector<Pool> pools;
  std::set<std::string> placed;
  const std::map<std::string, std::uint64_t> bytes = checkpoint_bytes_of(dataset);
  for (const Record& record : dataset.records()) {
    const ExperimentFacts& facts = dataset.facts_of(record);
    if (!placed.insert(facts.id).second) continue;
    const std::string setting = setting_of(facts, record, bytes.at(facts.id));
    const Machine machine = machine_of(facts);
    auto pool = std::find_if(pools.begin(), pools.end(), [&](const Pool& candidate) {
      return candidate.setting == setting && are_alike(candidate.machine, machine) &&
             may_join(candidate, facts);
    });
    Pool joined = pool == pools.end() ? Pool{setting, machine, {}, {}} : std::move(*pool);
    if (pool != pools.end()) pools.erase(pool);
    joined.experiments.insert(facts.id);
    for (const ArmFacts& arm : facts.arms) {
      if (!arm.placeholder) joined.ways.emplace(arm.label, way_of(arm));
    }
    pools.insert(pools.begin(), std::move(joined));
  }
  return pools;
}

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
  if (record.checkpoint_bytes != 0) {
    comparison->checkpoint_bytes_differ |= comparison->checkpoint_bytes != 0 &&
                                           comparison->checkpoint_bytes != record.checkpoint_bytes;
    comparison->checkpoint_bytes = std::max(comparison->checkpoint_bytes, record.checkpoint_bytes);
  }
  Arm& arm = arm_of(comparison, record.arm);
  if (record.storage_mode == arm.cold.label) ++arm.cold_verdicts[record.cold];
  if (record.status != Status::ok || !record.load_s) {
    arm.left_out.push_back(&record);
    return;
  }
  Mode& mode = mode_of(&arm, record.storage_mode);
  mode.trials.push_back(&record);
  mode.values_s.push_back(*record.load_s);
}

std::optional<double> median_if_any(const std::vector<double>& values) {
  return values.empty() ? std::nullopt : std::optional(statistics::median(values));
}

void summarize(Mode* mode) {
  mode->load_s = statistics::summarize(mode->values_s);
  if (!mode->load_s) return;
  std::vector<double> rates;
  std::vector<double> memory;
  std::vector<double> bytes;
  std::vector<double> tokens;
  for (const Record* trial : mode->trials) {
    if (trial->first_token_s) tokens.push_back(*trial->first_token_s);
    if (trial->gpu_mem_used_mb) memory.push_back(*trial->gpu_mem_used_mb);
    if (trial->checkpoint_bytes != 0) bytes.push_back(static_cast<double>(trial->checkpoint_bytes));
    // What a warm trial read from storage says nothing about storage's rate.
    if (trial->cold != records::Cold::warm && trial->storage_bytes_read && *trial->load_s > 0) {
      rates.push_back(static_cast<double>(*trial->storage_bytes_read) / *trial->load_s);
    }
  }
  mode->gpu_mem_mib = median_if_any(memory);
  mode->first_token_s = median_if_any(tokens);
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

void add_native_loads(const std::vector<Comparison>& all, Comparison* comparison) {
  if (is_native(comparison->facts)) return;
  for (const Comparison& other : all) {
    if (!is_native(other.facts) || other.model != comparison->model ||
        other.checkpoint_bytes != comparison->checkpoint_bytes ||
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

Contrast contrast_of(const Mode& first, const Mode& second) {
  Contrast contrast;
  if (!first.load_s || !second.load_s) return contrast;
  if (first.load_s->median > 0) contrast.ratio = second.load_s->median / first.load_s->median;
  contrast.difference_s = second.load_s->median - first.load_s->median;
  contrast.ratio_ci = statistics::ratio_interval(first.values_s, second.values_s);
  contrast.difference_ci = statistics::difference_interval(first.values_s, second.values_s);
  contrast.p_value = statistics::mann_whitney_p(first.values_s, second.values_s);
  contrast.runs_to_show = statistics::runs_to_show(first.values_s, second.values_s);
  const double chance = *statistics::chance_of_larger(first.values_s, second.values_s);
  contrast.longer = (chance > 0.5) - (chance < 0.5);
  contrast.ranges_apart =
      first.load_s->max < second.load_s->min || second.load_s->max < first.load_s->min;
  return contrast;
}

Contrast contrast_of(const Comparison& comparison, std::size_t first, std::size_t second) {
  Contrast contrast = contrast_of(comparison.arms[first].cold, comparison.arms[second].cold);
  contrast.first = first;
  contrast.second = second;
  return contrast;
}

const Contrast* Comparison::contrast_of_arm(std::size_t arm) const {
  const auto found =
      std::find_if(contrasts.begin(), contrasts.end(),
                   [arm](const Contrast& contrast) { return contrast.second == arm; });
  return found == contrasts.end() ? nullptr : &*found;
}

std::optional<double> Arm::cold_less_warm_s() const {
  if (!cold.load_s || !warm.load_s) return std::nullopt;
  return cold.load_s->median - warm.load_s->median;
}

std::vector<const Mode*> Arm::modes() const {
  std::vector<const Mode*> all{&cold, &warm};
  for (const Mode& mode : other_modes) all.push_back(&mode);
  return all;
}

bool Arm::is_verified() const {
  return std::all_of(cold.trials.begin(), cold.trials.end(), [](const records::Record* trial) {
    return trial->cold == records::Cold::verified;
  });
}

const Record* median_trial(const Mode& mode) {
  if (mode.trials.empty()) return nullptr;
  Trials sorted = mode.trials;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return *a->load_s < *b->load_s; });
  return sorted[(sorted.size() - 1) / 2];
}

bool is_after_copy(const Arm& arm, const Mode& mode) {
  return !arm.facts.staged_from.empty() && mode.label == arm.facts.label + "_warm";
}

std::optional<double> reading_rate_of(const Comparison& comparison, const Arm& arm,
                                      const Mode& mode) {
  if (&mode == &arm.warm || !arm.facts.prefetch_of.empty()) return std::nullopt;
  std::vector<double> rates;
  for (const Record* trial : mode.trials) {
    const auto seconds = records::weights_seconds(*trial, comparison.facts.target);
    if (!seconds || *seconds <= 0 || !trial->storage_bytes_read) return std::nullopt;
    if (trial->checkpoint_bytes == 0) return std::nullopt;
    // What it read of its own code before, and twice, is not the weights.
    const std::uint64_t bytes = std::min(*trial->storage_bytes_read, trial->checkpoint_bytes);
    rates.push_back(static_cast<double>(bytes) / *seconds);
  }
  return rates.empty() ? std::nullopt : std::optional(statistics::median(rates));
}

std::vector<Comparison> compare(const records::Dataset& dataset) {
  std::vector<Comparison> comparisons;
  std::map<std::string, std::size_t> comparison_of;  // experiment id -> index
  for (const Pool& pool : pools_of(dataset)) {
    for (const std::string& id : pool.experiments) comparison_of[id] = comparisons.size();
    comparisons.emplace_back();
  }
  for (const ExperimentFacts& facts : dataset.experiments()) {
    merge(facts, &comparisons[comparison_of.at(facts.id)]);
  }
  for (const Record& record : dataset.records()) {
    place(record, &comparisons[comparison_of.at(record.experiment.id)]);
  }
  for (Comparison& comparison : comparisons) {
    std::set<std::uint64_t> ids;
    for (const Record* trial : comparison.trials) {
      comparison.run_ids_repeat |= !ids.insert(trial->run_id).second;
    }
    for (Arm& arm : comparison.arms) summarize(&arm);
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
  for (Comparison& comparison : comparisons) add_native_loads(comparisons, &comparison);
  return comparisons;
}

}  // namespace coldload::findings
