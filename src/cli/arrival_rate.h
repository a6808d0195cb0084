// How fast bytes arrive just now, for a line that says how long the rest takes.
//
// Layer: cli. Pure: it is told the time.
#pragma once

#include <cstdint>
#include <optional>

#include "os/clock.h"

namespace coldload::cli {

class ArrivalRate {
 public:
  // `bytes` in all were there at `now`. What is there when it is told first has no rate.
  void note(os::TimePoint now, std::uint64_t bytes);
  // Of the last seconds. Nothing before enough has arrived to tell, nor where nothing arrives.
  [[nodiscard]] std::optional<double> bytes_per_s() const { return rate_; }

 private:
  std::optional<os::TimePoint> since_;
  std::uint64_t bytes_then_ = 0;
  std::optional<double> rate_;
};

}  // namespace coldload::cli
