// What each layer of cold costs on a path: how much longer a start takes when more of what it reads
// is on storage.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "findings/comparison.h"
#include "records/record.h"

namespace coldload::findings {

struct MeasuredLayer {
  records::Layer layer = records::Layer::warm;
  const Mode* mode = nullptr;  // has a median
};

// From one measured layer to the next.
struct LayerStep {
  records::Layer from = records::Layer::warm;
  records::Layer to = records::Layer::weights;
  Contrast contrast;  // `to` against `from`; its arms are not told
};

// What of the start set one group brings from one file system in a start from a deeper layer:
// medians over those of `node`, else of `first`.
struct StartGroup {
  std::string_view group;
  std::string_view mount;
  std::string_view fs_type;
  bool is_network = false;
  std::uint64_t files = 0;
  std::optional<double> came_bytes;
  std::optional<double> held_bytes;  // stayed in memory, as other processes map it
};

struct LayersOfArm {
  std::size_t arm = 0;
  std::vector<MeasuredLayer> layers;  // the warmest first
  // It was started with the weights in memory, too, but read them from storage all the same (past
  // the page cache): then that is no layer of its own.
  bool reads_past_memory = false;
  std::vector<LayerStep> steps;  // between neighbours, one fewer
  std::vector<StartGroup> groups;

  [[nodiscard]] const Mode* mode_of(records::Layer layer) const;  // null: not measured
  // The step that adds most by the medians; null where none adds anything.
  [[nodiscard]] const LayerStep* largest_step() const;
  // What lies on storage: starts of the whole node against those with all in memory; nothing where
  // one of them was not measured.
  [[nodiscard]] std::optional<Contrast> storage() const;
};

// Of each arm of which a layer deeper than its weights was measured and one more, in their order.
[[nodiscard]] std::vector<LayersOfArm> layers_of(const Comparison& comparison);
// The same with those of which that one alone was measured: what they read is known, too.
[[nodiscard]] std::vector<LayersOfArm> start_sets_of(const Comparison& comparison);

}  // namespace coldload::findings
