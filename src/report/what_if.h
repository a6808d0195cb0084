// What a start would take if its storage delivered another rate.
//
// Layer: report. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/comparison.h"

namespace coldload::report {

struct Prediction {
  const Arm* arm = nullptr;
  std::optional<double> rate_bytes_per_s;  // what its storage delivered
  std::optional<double> load_s;            // predicted, at the other rate
  std::string why_not;                     // in words, where there is none
};

// For every measured arm: what of its start is storage (cold less warm) changes with the rate, as
// the server goes on using the same share of it; the rest stays. The native loader does nothing but
// load: all of its time changes with the rate, down to that of a warm load.
[[nodiscard]] std::vector<Prediction> predict(const Comparison& comparison,
                                              double rate_bytes_per_s);

// The same as a Markdown table, with what it rests on.
[[nodiscard]] std::string what_if_text(const Comparison& comparison, double rate_bytes_per_s);

}  // namespace coldload::report
