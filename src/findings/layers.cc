#include "findings/layers.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "statistics/statistics.h"

namespace coldload::findings {

namespace {

using records::Layer;

const Mode* deeper_mode(const Arm& arm, Layer layer) {
  for (const Mode& mode : arm.other_modes) {
    if (layer_of(mode) == layer && mode.load_s) return &mode;
  }
  return nullptr;
}

// The median over the trials of what `figure` tells of the group that `like` is of.
std::optional<double> median_of(const Mode& mode, const records::TrialStartGroup& like,
                                std::optional<std::uint64_t> records::TrialStartGroup::*figure) {
  std::vector<double> values;
  for (const records::Trial* trial : mode.trials) {
    for (const records::TrialStartGroup& group : trial->start_set) {
      if (group.group != like.group || group.mount != like.mount) continue;
      if (group.*figure) values.push_back(static_cast<double>(*(group.*figure)));
    }
  }
  return statistics::median_if_any(values);
}

std::vector<StartGroup> groups_of(const Mode& mode) {
  std::vector<StartGroup> groups;
  if (mode.trials.empty()) return groups;
  for (const records::TrialStartGroup& group : mode.trials.back()->start_set) {
    groups.push_back({group.group, group.mount, group.fs_type, group.is_network, group.files,
                      median_of(mode, group, &records::TrialStartGroup::came_bytes),
                      median_of(mode, group, &records::TrialStartGroup::held_bytes)});
  }
  return groups;
}

}  // namespace

const Mode* LayersOfArm::mode_of(Layer layer) const {
  const auto found = std::find_if(layers.begin(), layers.end(), [layer](const auto& measured) {
    return measured.layer == layer;
  });
  return found == layers.end() ? nullptr : found->mode;
}

const LayerStep* LayersOfArm::largest_step() const {
  const auto largest =
      std::max_element(steps.begin(), steps.end(), [](const auto& a, const auto& b) {
        return *a.contrast.difference_s < *b.contrast.difference_s;
      });
  const bool adds = largest != steps.end() && *largest->contrast.difference_s > 0;
  return adds ? &*largest : nullptr;
}

std::optional<Contrast> LayersOfArm::storage() const {
  const Mode* const node = mode_of(Layer::node);
  const Mode* const warm = mode_of(Layer::warm);
  if (node == nullptr || warm == nullptr) return std::nullopt;
  return contrast_of(warm->values_s, node->values_s);
}

std::vector<LayersOfArm> layers_of(const Comparison& comparison) {
  std::vector<LayersOfArm> all = start_sets_of(comparison);
  std::erase_if(all, [](const LayersOfArm& one) { return one.layers.size() < 2; });
  return all;
}

std::vector<LayersOfArm> start_sets_of(const Comparison& comparison) {
  std::vector<LayersOfArm> all;
  for (std::size_t i = 0; i < comparison.arms.size(); ++i) {
    const Arm& arm = comparison.arms[i];
    LayersOfArm found;
    found.arm = i;
    const Mode* const node = deeper_mode(arm, Layer::node);
    const Mode* const first = deeper_mode(arm, Layer::first);
    if (node == nullptr && first == nullptr) continue;
    found.reads_past_memory = reads_past_memory(arm.warm);
    const Mode* const warm = found.reads_past_memory ? nullptr : &arm.warm;
    for (const auto& [layer, mode] :
         {std::pair(Layer::warm, warm), std::pair(Layer::weights, &arm.cold),
          std::pair(Layer::node, node), std::pair(Layer::first, first)}) {
      if (mode != nullptr && mode->load_s) found.layers.push_back({layer, mode});
    }
    if (found.layers.empty()) continue;
    for (auto to = std::next(found.layers.begin()); to != found.layers.end(); ++to) {
      const auto from = std::prev(to);
      found.steps.push_back(
          {from->layer, to->layer, contrast_of(from->mode->values_s, to->mode->values_s)});
    }
    found.groups = groups_of(node != nullptr ? *node : *found.layers.back().mode);
    all.push_back(std::move(found));
  }
  return all;
}

}  // namespace coldload::findings
