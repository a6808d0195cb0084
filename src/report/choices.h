// The ways to start that a comparison measured, and which of them are shown to pay: what
// recommendations are made of.
//
// Layer: report. Pure functions.
#pragma once

#include <optional>
#include <vector>

#include "report/comparison.h"
#include "report/staging.h"

namespace coldload::report {

// The measured paths where models may lie, neither copies made for the experiment nor other ways to
// start, the fastest first.
[[nodiscard]] std::vector<const Arm*> paths_by_time(const Comparison& comparison);

// Whether the runs show that two arms differ, or leave no overlap.
[[nodiscard]] bool differs(const Comparison& comparison, const Arm& a, const Arm& b);

[[nodiscard]] std::optional<Staging> staging_in(const Comparison& comparison);
// Whether some start of a node is the one by which staging has paid, and later ones are faster,
// too.
[[nodiscard]] bool staging_pays(const std::optional<Staging>& staging);

// The same path started by `coldload run`; null where that was not measured.
[[nodiscard]] const Arm* prefetched(const Comparison& comparison, const Arm& path);
// Whether reading a path ahead is shown to save something.
[[nodiscard]] bool prefetch_saves(const Comparison& comparison, const Arm& path);

}  // namespace coldload::report
