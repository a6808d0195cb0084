// Whether storage or the rest dominates a start, and how much of a difference is storage.
//
// A server that tells its weights phase is judged by that phase, cold against warm: its other
// phases vary from start to start by more than fast storage costs. Any other target is judged by
// its whole time, cold against warm.
//
// Layer: report. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// The seconds of an arm's starts that are shown to be storage.
[[nodiscard]] std::optional<double> shown_storage_s(const Arm& arm);

// ", though 138 MB still came from storage" where the arm's warm runs were not quite that,
// which makes what storage costs look smaller than it is.
[[nodiscard]] std::string not_quite_warm(const Arm& arm);

// For the first screen: how much of each path's start is storage, and what share of an hour it
// takes. Empty where that is not known.
[[nodiscard]] std::string storage_in_short(const Comparison& comparison);

// One Markdown sentence per measured arm, and one per difference that is shown.
[[nodiscard]] std::vector<std::string> dominance_of(const Comparison& comparison);

}  // namespace coldload::report
