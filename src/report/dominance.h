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

#include "report/comparison.h"

namespace coldload::report {

// Seconds of all of a trial's spans of that name; nothing where it has none.
[[nodiscard]] std::optional<double> phase_seconds(const measure::Record& trial,
                                                  const std::string& name);

// One Markdown sentence per measured arm, and one per difference that is shown.
[[nodiscard]] std::vector<std::string> dominance_of(const Comparison& comparison);

}  // namespace coldload::report
