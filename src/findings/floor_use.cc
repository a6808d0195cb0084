#include "findings/floor_use.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "findings/subject.h"
#include "records/trial_figures.h"

namespace coldload::findings {

namespace {

using Held = std::vector<std::pair<const records::Trial*, records::FloorRates>>;

bool goes_to_gpu(const records::Trial& trial) {
  return records::destination_of(trial) == records::Destination::gpu;
}

std::optional<FloorUse> use_of(const Comparison& comparison, const Held& held) {
  FloorUse use;
  std::vector<double> efficiency;
  std::vector<double> seconds;
  std::vector<double> limits;
  for (const auto& [trial, floor] : held) {
    const auto weights_s = records::weights_seconds(*trial, comparison.facts.target);
    const auto storage = floor.storage_bytes_per_s;
    if (!trial->efficiency || !weights_s || *weights_s <= 0 || !storage) return std::nullopt;
    const auto bus = goes_to_gpu(*trial) ? floor.to_gpu_bytes_per_s : std::nullopt;
    const bool bus_limits = bus && *bus < *storage;
    efficiency.push_back(*trial->efficiency);
    seconds.push_back(*weights_s);
    limits.push_back(bus_limits ? *bus : *storage);
    (bus_limits ? use.bus_limits : use.storage_limits) = true;
    use.given = floor.given;
  }
  if (held.empty()) return std::nullopt;
  use.efficiency = *statistics::summarize(efficiency);
  use.seconds = *statistics::summarize(seconds);
  use.limit_bytes_per_s = *statistics::summarize(limits);
  return use;
}

// The native loader creates the GPU's context and pins its ring beside its start and beside the
// reads, from its process's start on: no storage makes that shorter.
std::optional<double> preparation_seconds(const records::Trial& trial) {
  const auto start_s = records::phase_seconds(trial, "start");
  const auto context_s = trial.reported.context_s;
  const auto pin_s = trial.reported.pin_s;
  if (!start_s || !context_s || !pin_s) return std::nullopt;
  return std::max(*start_s, *context_s + *pin_s);
}

std::optional<double> rest_seconds(const records::Trial& trial, bool native) {
  if (native && goes_to_gpu(trial)) return preparation_seconds(trial);
  const auto weights_s = records::phase_seconds(trial, "weights");
  return weights_s ? std::optional(std::max(*trial.load_s - *weights_s, 0.0)) : std::nullopt;
}

std::optional<WithoutStorage> without_storage_of(const Comparison& comparison, const Held& held) {
  WithoutStorage without;
  std::vector<double> rest_s;
  std::vector<double> rates;
  for (const auto& [trial, floor] : held) {
    const auto rest = rest_seconds(*trial, loads_only(comparison));
    without.onto_gpu = goes_to_gpu(*trial);
    const auto copied = without.onto_gpu ? floor.to_gpu_bytes_per_s : floor.page_cache_bytes_per_s;
    if (!rest || !copied) return std::nullopt;
    rest_s.push_back(*rest);
    rates.push_back(*copied);
  }
  if (held.empty()) return std::nullopt;
  without.rest_s = statistics::median(rest_s);
  without.copy_bytes_per_s = *statistics::summarize(rates);
  return without;
}

// What an experiment measured before its trials; null where it did not.
const records::FloorRates* rates_of(const records::Experiment& experiment,
                                    const std::string& label) {
  for (const records::ArmParts& arm : experiment.facts.arms) {
    if (arm.rest->label == label && arm.floor != nullptr) return &arm.floor->rates;
  }
  return nullptr;
}

}  // namespace

HeldToFloor held_to_floor(const Comparison& comparison, const Arm& arm) {
  Held held;
  std::set<const records::Experiment*> experiments;
  for (const records::Trial* trial : arm.cold.trials) {
    const records::FloorRates* const rates = rates_of(*trial->experiment, arm.facts.label);
    if (rates == nullptr) continue;
    held.emplace_back(trial, *rates);
    experiments.insert(trial->experiment);
  }
  return {held.size(), experiments.size(), use_of(comparison, held),
          without_storage_of(comparison, held)};
}

}  // namespace coldload::findings
