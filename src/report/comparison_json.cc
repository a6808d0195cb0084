#include "report/comparison_json.h"

#include <utility>

#include "findings/layers.h"
#include "findings/ways_to_start.h"
#include "records/json_values.h"
#include "report/dominance.h"
#include "report/herd_json.h"
#include "report/recommendation.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

namespace json = text::json;
using records::to_value;

json::value interval_value(const std::optional<statistics::Interval>& interval) {
  if (!interval) return nullptr;
  return json::array{to_value(interval->low), to_value(interval->high)};
}

json::value numbers_value(const std::vector<double>& numbers) {
  json::array out;
  for (const double number : numbers) out.push_back(to_value(number));
  return out;
}

using statistics::Summary;

json::value figure(const std::optional<Summary>& load_s, double Summary::*member) {
  return load_s ? to_value((*load_s).*member) : nullptr;
}

json::object mode_object(const Mode& mode) {
  return {{"n", mode.values_s.size()},
          {"median_s", figure(mode.load_s, &Summary::median)},
          {"min_s", figure(mode.load_s, &Summary::min)},
          {"max_s", figure(mode.load_s, &Summary::max)},
          {"values_s", numbers_value(mode.values_s)},
          {"load_rate_bytes_per_s", to_value(mode.load_rate_bytes_per_s)},
          {"storage_rate_bytes_per_s", to_value(mode.storage_rate_bytes_per_s)},
          {"gpu_mem_used_mb", to_value(mode.gpu_mem_mib)},
          {"first_token_s", to_value(mode.first_token_s)}};
}

// How many starts found what in the server's runtime caches; empty where none is known.
json::object caches_object(const Mode& mode) {
  json::object out;
  for (const records::Trial* trial : mode.trials) {
    if (!trial->caches) continue;
    json::value& count = out[to_string(*trial->caches)];
    count = count.is_null() ? std::int64_t{1} : count.to_number<std::int64_t>() + 1;
  }
  return out;
}

json::object arm_object(const Arm& arm) {
  json::object out = mode_object(arm.cold);
  out["warm_n"] = arm.warm.values_s.size();
  out["warm_values_s"] = numbers_value(arm.warm.values_s);
  out["warm_median_s"] = figure(arm.warm.load_s, &Summary::median);
  out["native_load_s"] = figure(arm.native_load_s, &Summary::median);
  out["cold_less_warm_s"] = to_value(arm.cold_less_warm_s());
  out["storage_share_s"] = to_value(shown_storage_s(arm));
  json::object verdicts;
  for (const auto& [cold, count] : arm.cold_verdicts) verdicts[to_string(cold)] = count;
  out["cold"] = std::move(verdicts);
  json::object statuses;
  for (const records::Trial* trial : arm.left_out) {
    json::value& count = statuses[to_string(trial->status)];
    count = count.is_null() ? std::int64_t{1} : count.to_number<std::int64_t>() + 1;
  }
  out["left_out"] = std::move(statuses);
  json::object caches;
  for (const Mode* mode : arm.modes()) {
    if (json::object of_mode = caches_object(*mode); !of_mode.empty()) {
      caches[mode->label] = std::move(of_mode);
    }
  }
  if (!caches.empty()) out["caches"] = std::move(caches);
  json::object modes;
  for (const Mode& mode : arm.other_modes) modes[mode.label] = mode_object(mode);
  out["other_modes"] = std::move(modes);
  out["placeholder"] = arm.facts.placeholder && arm.cold.trials.empty();
  out["stand_in"] = arm.facts.stand_in ? to_value(arm.facts.stand_in->spec) : json::value(nullptr);
  return out;
}

json::array layers_array(const Comparison& comparison) {
  json::array out;
  for (const findings::LayersOfArm& layers : findings::layers_of(comparison)) {
    json::array measured;
    for (const findings::MeasuredLayer& layer : layers.layers) {
      measured.push_back(json::object{{"layer", to_string(layer.layer)},
                                      {"n", layer.mode->load_s->n},
                                      {"median_s", to_value(layer.mode->load_s->median)}});
    }
    json::array steps;
    for (const findings::LayerStep& step : layers.steps) {
      steps.push_back(json::object{{"from", to_string(step.from)},
                                   {"to", to_string(step.to)},
                                   {"difference_s", to_value(step.contrast.difference_s)},
                                   {"difference_ci", interval_value(step.contrast.difference_ci)},
                                   {"p_value", to_value(step.contrast.p_value)},
                                   {"claim", to_string(step.contrast.claim)}});
    }
    json::array groups;
    for (const findings::StartGroup& group : layers.groups) {
      groups.push_back(json::object{{"group", group.group},
                                    {"mount", to_value(group.mount)},
                                    {"fs_type", to_value(group.fs_type)},
                                    {"is_network", group.is_network},
                                    {"files", group.files},
                                    {"came_bytes", to_value(group.came_bytes)},
                                    {"held_bytes", to_value(group.held_bytes)}});
    }
    out.push_back(json::object{{"arm", to_value(comparison.arms[layers.arm].facts.label)},
                               {"layers", std::move(measured)},
                               {"steps", std::move(steps)},
                               {"start_set", std::move(groups)}});
  }
  return out;
}

json::array expected_array(const Comparison& comparison) {
  json::array out;
  for (const Expectation& expectation : comparison.expectations) {
    const Arm& arm = comparison.arms[expectation.arm];
    out.push_back(json::object{{"arm", to_value(arm.facts.label)},
                               {"basis", expectation.basis},
                               {"rate_bytes_per_s", to_value(expectation.rate_bytes_per_s)},
                               {"load_s", to_value(expectation.load_s)},
                               {"ratio", to_value(expectation.ratio)},
                               {"measured_s", figure(arm.cold.load_s, &Summary::median)}});
  }
  return out;
}

void add_figures(const Contrast& contrast, json::object* out) {
  (*out)["ratio"] = to_value(contrast.ratio);
  (*out)["ratio_ci"] = interval_value(contrast.ratio_ci);
  (*out)["difference_s"] = to_value(contrast.difference_s);
  (*out)["difference_ci"] = interval_value(contrast.difference_ci);
  (*out)["p_value"] = to_value(contrast.p_value);
}

json::object contrast_object(const Comparison& comparison, const Contrast& contrast) {
  json::object out;
  out["first"] = to_value(comparison.arms[contrast.first].facts.label);
  out["second"] = to_value(comparison.arms[contrast.second].facts.label);
  add_figures(contrast, &out);
  out["claim"] = to_string(contrast.claim);
  return out;
}

json::array ways_array(const Comparison& measured) {
  const findings::WaysBasis basis = findings::basis_of_ways(measured);
  const Comparison& comparison = basis.comparison;
  json::array out;
  for (const findings::WaysOfPath& ways : findings::ways_to_start(comparison)) {
    json::array fastest_first;
    for (const std::size_t arm : ways.arms) {
      fastest_first.push_back(to_value(findings::command_of(comparison.arms[arm])));
    }
    json::array contrasts;
    for (const Contrast& contrast : ways.contrasts) {
      contrasts.push_back(contrast_object(comparison, contrast));
    }
    out.push_back(json::object{{"path", to_value(ways.path)},
                               {"layer", records::to_string(basis.layer)},
                               {"fastest_first", std::move(fastest_first)},
                               {"contrasts", std::move(contrasts)}});
  }
  return out;
}

}  // namespace

text::json::value to_json(const std::vector<Comparison>& comparisons) {
  static const Comparison k_nothing;
  const Comparison& comparison = comparisons.empty() ? k_nothing : comparisons.front();
  json::object out;
  out["model"] = to_value(comparison.model);
  out["target"] = to_value(comparison.facts.target);
  out["experiments"] = to_value(comparison.experiments);
  out["checkpoint_bytes"] = comparison.checkpoint_bytes == 0
                                ? json::value(nullptr)
                                : json::value(comparison.checkpoint_bytes);
  json::object arms;
  json::object n;
  for (const Arm& arm : comparison.arms) {
    const std::string label = arm.facts.label;
    arms[label] = arm_object(arm);
    n[label] = arm.cold.values_s.size();
  }
  out["arms"] = std::move(arms);
  // The second path that is there over the first, at the top level.
  const auto second = comparison.second_there();
  add_figures(second ? contrast_of(comparison, comparison.first_there(), *second) : Contrast{},
              &out);
  out["n"] = std::move(n);
  json::array contrasts;
  for (const Contrast& contrast : comparison.contrasts) {
    contrasts.push_back(contrast_object(comparison, contrast));
  }
  out["contrasts"] = std::move(contrasts);
  if (json::array ways = ways_array(comparison); !ways.empty()) out["ways"] = std::move(ways);
  if (json::array layers = layers_array(comparison); !layers.empty()) {
    out["layers"] = std::move(layers);
  }
  if (json::array herds = herds_array(comparison); !herds.empty()) {
    out["herds"] = std::move(herds);
  }
  out["expected"] = expected_array(comparison);
  std::vector<std::string> advice;
  for (const Advice& one : recommendations_of(comparison)) advice.push_back(to_string(one));
  out["what_to_do"] = to_value(advice);
  json::array same_storage;
  for (const auto& pair : comparison.facts.same_storage)
    same_storage.push_back(to_value(to_string(pair)));
  out["same_storage"] = std::move(same_storage);
  if (const auto found = findings::different_weights(comparison); !found.empty()) {
    json::array different_weights;
    for (const DifferentWeights& different : found)
      different_weights.push_back(to_value(text_of(different)));
    out["different_weights"] = std::move(different_weights);
  }
  out["other_comparisons"] = comparisons.empty() ? 0 : comparisons.size() - 1 + comparison.not_made;
  return json::object{{"comparison", std::move(out)}};
}

}  // namespace coldload::report
