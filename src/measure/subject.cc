#include "measure/subject.h"

#include <array>

namespace coldload::measure {

namespace {

constexpr std::string_view k_warm = "_warm";
constexpr std::string_view k_hot = "_hot";
constexpr std::string_view k_after_copy = "_after_copy";
constexpr std::string_view k_prefetch = "_prefetch";
constexpr std::string_view k_node = "_node";
constexpr std::string_view k_first = "_first";
constexpr std::array k_own_suffixes{k_warm, k_hot, k_after_copy, k_prefetch, k_node, k_first};

}  // namespace

std::string prefetch_label(std::string_view label) { return std::string(label).append(k_prefetch); }

std::string label_of(const std::string& path_label, const StartRequest& start) {
  return start.name.empty() ? path_label : path_label + '_' + start.name;
}

std::vector<std::string> labels_of(const Plan& plan) {
  std::vector<std::string> labels;
  for (const ArmRequest& arm : plan.arms) {
    for (const StartRequest& start : plan.starts) labels.push_back(label_of(arm.label, start));
  }
  for (const std::string& label : plan.prefetch) labels.push_back(prefetch_label(label));
  if (plan.stage) labels.emplace_back(k_staged_label);
  return labels;
}

std::string_view own_suffix_of(std::string_view label) {
  for (const std::string_view suffix : k_own_suffixes) {
    if (label.size() > suffix.size() && label.ends_with(suffix)) return suffix;
  }
  return "";
}

bool is_of_deeper_layer(std::string_view own_suffix) {
  return own_suffix == k_node || own_suffix == k_first;
}

std::string Subject::storage_mode() const {
  std::string mode = arm.facts.label;
  if (kind == TrialKind::warm) mode += arm.facts.staged_from.empty() ? k_warm : k_hot;
  if (kind == TrialKind::after_copy) mode += k_after_copy;
  if (kind == TrialKind::node) mode += k_node;
  if (kind == TrialKind::first) mode += k_first;
  return mode;
}

std::string Subject::trial_name() const {
  return storage_mode() + (kind == TrialKind::warm_up ? "_warmup" : "");
}

bool Subject::is_evicted(ColdPolicy policy) const {
  return starts_cold(kind) && policy != ColdPolicy::off && !arm.is_memory();
}

LaunchRequest Subject::launch_request(std::shared_ptr<const os::Fd> log) const {
  // The pace of a stand-in is storage's: what is resident has none.
  return {arm.path, std::move(log), kind == TrialKind::warm ? std::nullopt : arm.pace,
          !arm.facts.prefetch_of.empty(), arm.request.weights};
}

}  // namespace coldload::measure
