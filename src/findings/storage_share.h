// How much of a start is storage.
//
// A server that tells its weights phase is judged by that phase, cold against warm: its other
// phases vary from start to start by more than fast storage costs. Any other target is judged by
// its whole time, cold against warm.
//
// Layer: findings. Pure functions.
#pragma once

#include <optional>

#include "findings/comparison.h"

namespace coldload::findings {

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

}  // namespace coldload::findings
