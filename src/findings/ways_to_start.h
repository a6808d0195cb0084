// Several commands on the same paths: which of them starts fastest from each.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "findings/comparison.h"

namespace coldload::findings {

// The ways to start from one path that were measured.
struct WaysOfPath {
  std::string path;               // its label
  std::size_t simplest = 0;       // arm with the first command; else the first that was measured
  std::vector<std::size_t> arms;  // by median, the fastest first
  // Each of the others against the simplest; in the order of `arms`.
  std::vector<Contrast> contrasts;

  [[nodiscard]] std::size_t fastest() const { return arms.front(); }
};

// In the order of the paths; those with two ways or more, by their cold trials. Empty where there
// was one command.
[[nodiscard]] std::vector<WaysOfPath> ways_to_start(const Comparison& comparison);

// What ways to start are held against each other by: their cold trials or, where none was made,
// those of another layer, in the cold ones' place.
struct WaysBasis {
  records::Layer layer = records::Layer::weights;
  Comparison comparison;
};
[[nodiscard]] WaysBasis basis_of_ways(const Comparison& comparison);

// The command of an arm; empty where there is only one.
[[nodiscard]] std::string command_of(const Arm& arm);

// The contrast that says most of a path: its fastest way against the simplest; where that is the
// fastest, the next one against it.
[[nodiscard]] const Contrast& main_contrast(const WaysOfPath& ways);

// Whether the runs show `contrast`, or are few and lie apart.
[[nodiscard]] bool is_told_apart(const Contrast& contrast);

// Whether of each command it is shown, from one path at least, that another one is faster by a
// twentieth or more: none is the best from everywhere.
[[nodiscard]] bool best_differs(const Comparison& comparison, const std::vector<WaysOfPath>& ways);

}  // namespace coldload::findings
