// The one clock of every measurement: CLOCK_MONOTONIC.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <chrono>
#include <string>

namespace coldload::os {

// libstdc++'s steady_clock reads CLOCK_MONOTONIC on Linux.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Seconds = std::chrono::duration<double>;

[[nodiscard]] inline double seconds_between(TimePoint from, TimePoint to) {
  return Seconds(to - from).count();
}

// What the calling thread has cost: its user and system time.
[[nodiscard]] Clock::duration thread_cpu_time();

// Wall time as "2026-11-22T15:04:05Z": a label for people, never subtracted.
[[nodiscard]] std::string utc_timestamp();

}  // namespace coldload::os
