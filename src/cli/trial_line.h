// The live line of an experiment: which trial, what it does, how long that takes.
//
// Layer: cli. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "measure/forecast.h"

namespace coldload::cli {

struct TrialLine {
  std::string title;                 // "[3/12] net, cold run 2"; empty between trials
  std::string step;                  // "load"
  double elapsed_s = 0;              // of the trial
  std::optional<double> expected_s;  // of the trial, by earlier ones
  std::uint64_t bytes = 0;           // of the step; 0: there is nothing to count
  std::uint64_t total_bytes = 0;
  double step_s = 0;                            // what the step took so far
  std::optional<measure::Forecast::Time> left;  // of the experiment
};

// Without what does not fit into `width` characters: rate, bytes, what is left, in that order.
[[nodiscard]] std::string to_text(const TrialLine& line, std::size_t width);

}  // namespace coldload::cli
