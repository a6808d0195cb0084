#include "report/herd_json.h"

#include <optional>
#include <utility>

#include "findings/herd.h"
#include "findings/herd_intervals.h"
#include "records/json_values.h"

namespace coldload::report {

namespace {

namespace json = text::json;
using findings::HerdModel;
using findings::HerdOfArm;
using findings::HerdSize;
using records::to_value;

json::value bounds_value(const std::optional<statistics::Interval>& interval) {
  if (!interval) return nullptr;
  return json::array{to_value(interval->low), to_value(interval->high)};
}

json::object size_object(const HerdSize& size, std::optional<HerdModel> model) {
  if (size.stagger_s > 0) model.reset();
  json::array values;
  for (const double value : size.values_s()) values.push_back(to_value(value));
  std::optional<double> predicted_s;
  std::optional<double> residual_s;
  if (model) {
    predicted_s = model->all_ready_s(static_cast<double>(size.size));
    residual_s = size.all_ready_s.median - *predicted_s;
  }
  return {{"nodes", size.size},
          {"stagger_s", to_value(size.stagger_s)},
          {"herds", size.runs.size()},
          {"all_ready_median_s", to_value(size.all_ready_s.median)},
          {"all_ready_min_s", to_value(size.all_ready_s.min)},
          {"all_ready_max_s", to_value(size.all_ready_s.max)},
          {"values_s", std::move(values)},
          {"fastest_node_median_s", to_value(size.fastest_s.median)},
          {"rate_bytes_per_s", to_value(size.rate_bytes_per_s)},
          {"copy_median_s", to_value(size.copy_s)},
          {"predicted_s", to_value(predicted_s)},
          {"residual_s", to_value(residual_s)}};
}

json::value model_value(const Comparison& comparison, const HerdOfArm& herd) {
  if (!herd.model) return nullptr;
  const HerdModel& model = *herd.model;
  const findings::HerdIntervals intervals = findings::intervals_of(herd, comparison.facts.target);
  return json::object{{"node_bytes_per_s", to_value(model.node_bytes_per_s)},
                      {"node_bytes_per_s_ci", bounds_value(intervals.node_bytes_per_s)},
                      {"total_bytes_per_s", to_value(model.total_bytes_per_s)},
                      {"total_bytes_per_s_ci", bounds_value(intervals.total_bytes_per_s)},
                      {"knee_nodes", to_value(model.knee())},
                      {"knee_nodes_ci", bounds_value(intervals.knee)},
                      {"base_s", to_value(model.base_s)},
                      {"base_s_ci", bounds_value(intervals.base_s)},
                      {"node_bytes", to_value(model.bytes)},
                      {"fits", herd.model_fits()}};
}

}  // namespace

json::array herds_array(const Comparison& comparison) {
  json::array out;
  for (const HerdOfArm& herd : findings::herds_of(comparison)) {
    json::array sizes;
    for (const HerdSize* size : herd.all()) sizes.push_back(size_object(*size, herd.model));
    out.push_back(json::object{{"arm", to_value(comparison.arms[herd.arm].facts.label)},
                               {"servers_per_node", herd.per_node},
                               {"hosts", herd.hosts},
                               {"not_whole", herd.not_whole},
                               {"sizes", std::move(sizes)},
                               {"model", model_value(comparison, herd)}});
  }
  return out;
}

}  // namespace coldload::report
