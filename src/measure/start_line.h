// Where several nodes wait for each other, so that their servers are launched at the same moment
// and run until the last of them is ready.
//
// Layer: measure. Knows neither of how nodes are reached nor of how many there are.
#pragma once

#include <optional>

#include "os/clock.h"

namespace coldload::measure {

class StartLine {
 public:
  StartLine() = default;
  StartLine(const StartLine&) = delete;
  StartLine& operator=(const StartLine&) = delete;
  virtual ~StartLine() = default;

  // This node has evicted and may launch. Blocks until all may; returns the instant of the launch,
  // shortly ahead. Nothing: there is none, as another node cannot.
  [[nodiscard]] virtual std::optional<os::TimePoint> meet() = 0;
  // What this node launched is ready, or failed. Blocks until that holds of all.
  virtual void finish() = 0;
};

}  // namespace coldload::measure
