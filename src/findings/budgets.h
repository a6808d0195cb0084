// How long each use can wait for a start.
//
// Layer: findings. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "findings/comparison.h"

namespace coldload::findings {

struct Budget {
  std::string use;  // "dev and notebooks"
  double seconds = 0;
  bool by_user = false;
};
// The known uses first (with coldload's defaults where records have none), then the user's own.
[[nodiscard]] std::vector<Budget> budgets_of(const Comparison& comparison);

}  // namespace coldload::findings
