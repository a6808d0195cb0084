// What follows from one trial.
//
// Layer: records. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "records/floor.h"
#include "records/record.h"
#include "records/trial.h"

namespace coldload::records {

// The figure of every trial that has it.
[[nodiscard]] std::vector<double> values_of(const std::vector<const Trial*>& trials,
                                            std::optional<double> Trial::*figure);

// Seconds of all of a trial's spans of that name; nothing where it has none. Of a Record or a
// Trial.
[[nodiscard]] std::optional<double> phase_seconds(const auto& trial, std::string_view name) {
  std::optional<double> sum;
  for (const auto& phase : trial.phases) {
    if (phase.name == name) sum = sum.value_or(0) + phase.end_s - phase.start_s;
  }
  return sum;
}

// Where a trial's weights went: where the target says so, else onto the GPU if it used GPU memory.
[[nodiscard]] Destination destination_of(const Record& record);
[[nodiscard]] Destination destination_of(const Trial& trial);

// The seconds that efficiency is about: of the weights phase, or of the whole load where the target
// is the native loader. Of a Record or a Trial.
[[nodiscard]] std::optional<double> weights_seconds(const auto& trial, std::string_view target) {
  return target == "native" ? trial.load_s : phase_seconds(trial, "weights");
}

// Sets floor_s, and efficiency where the trial is what it claims to be and tells how long its
// weights took. Does nothing where the arm has no floor.
void apply_floor(const ArmFacts& arm, const std::string& target, Record* record);

}  // namespace coldload::records
