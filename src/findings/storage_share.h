// How much of a start is storage, from cold against warm runs.
//
// A server that tells its weights phase is judged by that phase: its other phases vary from start
// to start by more than fast storage costs. Any other target is judged by its whole time.
//
// Layer: findings. Pure functions.
#pragma once

#include <optional>
#include <vector>

#include "records/trial.h"

namespace coldload::findings {

struct StorageShare {
  bool of_phase = false;  // of the weights phase; else of the whole load
  double cold_s = 0;      // medians
  double warm_s = 0;
  bool is_apart = false;  // every cold run took longer than every warm one
  bool is_clear = false;  // and chance is no likely reason for that (are_clearly_larger)
  [[nodiscard]] double seconds() const { return cold_s - warm_s; }
};

// Of trials that have a time; nothing where there are no cold or no warm ones. `loads_only`: there
// is no start beside the load.
[[nodiscard]] std::optional<StorageShare> storage_share_of(
    const std::vector<const records::Trial*>& cold, const std::vector<const records::Trial*>& warm,
    bool loads_only);

}  // namespace coldload::findings
