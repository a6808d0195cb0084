// A server's log, fed line by line at given seconds.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "server/startup_log.h"

namespace coldload::server {

inline os::TimePoint second(double s) {
  return os::TimePoint(std::chrono::duration_cast<os::Clock::duration>(os::Seconds(1000 + s)));
}

using TimedLines = std::vector<std::pair<double, std::string>>;

inline void feed(server::StartupLog* log, const TimedLines& lines) {
  for (const auto& [at_s, line] : lines) log->feed(second(at_s), line + "\n");
  log->finish();
}

inline double phase_s(const std::vector<server::LogPhase>& phases, const std::string& name) {
  double sum = 0;
  for (const server::LogPhase& phase : phases) {
    if (phase.name == name) sum += phase.end_s - phase.start_s;
  }
  return sum;
}

}  // namespace coldload::server
