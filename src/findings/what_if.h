// What a start would take if its storage delivered another rate.
//
// Layer: findings. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "findings/comparison.h"

namespace coldload::findings {

struct Prediction {
  const Arm* arm = nullptr;
  std::optional<double> rate_bytes_per_s;  // what its storage delivered
  std::optional<double> load_s;            // predicted, at the other rate
  std::string why_not;                     // in words, where there is none
};

// For every measured arm. What reads the weights (the weights phase where the server tells it, the
// whole load of the native loader, else cold less warm) changes with the rate, down to its time
// with them in memory, if it took about bytes / rate; if it took longer, it has a limit of its own
// and changes only where storage becomes slower than that. The rest of the start stays.
[[nodiscard]] std::vector<Prediction> predict(const Comparison& comparison,
                                              double rate_bytes_per_s);

}  // namespace coldload::findings
