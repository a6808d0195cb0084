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

// What of an arm's cold loads is storage, from cold against warm runs.
struct StorageShare {
  bool of_phase = false;  // of the weights phase; else of the whole load
  double cold_s = 0;      // medians
  double warm_s = 0;
  bool is_apart = false;  // every cold run took longer than every warm one
  bool is_clear = false;  // and chance is no likely reason for that (are_clearly_larger)
  [[nodiscard]] double seconds() const { return cold_s - warm_s; }
};
// Nothing where the arm has no cold or no warm run.
[[nodiscard]] std::optional<StorageShare> storage_share_of(const Comparison& comparison,
                                                           const Arm& arm);

// ", though 138 MB still came from storage" where the arm's warm runs were not quite that,
// which makes what storage costs look smaller than it is.
[[nodiscard]] std::string not_quite_warm(const Arm& arm);

// For the first screen: how much of each path's start is storage, and what share of an hour it
// takes. Empty where that is not known.
[[nodiscard]] std::string storage_in_short(const Comparison& comparison);

// One Markdown sentence per measured arm, and one per difference that is shown.
[[nodiscard]] std::vector<std::string> dominance_of(const Comparison& comparison);

}  // namespace coldload::report
