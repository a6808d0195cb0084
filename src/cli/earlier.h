// What an out directory holds of earlier experiments, before the first run of a new one.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "measure/arm.h"
#include "measure/arms.h"
#include "measure/forecast.h"

namespace coldload::cli {

struct EarlierRecords {
  std::size_t records = 0;
  std::size_t experiments = 0;
  measure::Forecast forecast;  // by trials of the same paths and target: the median of each kind

  // "results holds 12 records of 2 earlier experiments: ..."; empty where it holds none.
  [[nodiscard]] std::string words(const std::string& out) const;
};

// Reads what is in `out` and changes nothing. `targets`: what loads `arms`. Throws os::Error for
// records that cannot be read.
[[nodiscard]] EarlierRecords read_earlier(const std::string& out,
                                          const std::vector<measure::Arm>& arms,
                                          const measure::Targets& targets);

}  // namespace coldload::cli
