// The loads held against the floor: how much of what a path delivers was used, and what infinitely
// fast storage would leave to wait for.
//
// Nothing is said of an arm whose floor, or whose weights phase, is not known.
//
// Layer: report. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// Markdown sentences, up to two per measured arm. Each says which figures were measured and which
// follow from them.
[[nodiscard]] std::vector<std::string> floor_use_of(const Comparison& comparison);

// The floors' figures, a row per arm, and a sentence on the GPU and on what is missing; empty where
// no arm has a floor or a reason why not.
[[nodiscard]] std::string floor_table(const Comparison& comparison);

}  // namespace coldload::report
