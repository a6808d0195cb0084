// What follows from one record.
//
// Layer: records. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "records/floor.h"
#include "records/record.h"

namespace coldload::records {

// The figure of every trial that has it.
[[nodiscard]] std::vector<double> values_of(const std::vector<const Record*>& trials,
                                            std::optional<double> Record::*figure);

// Seconds of all of a trial's spans of that name; nothing where it has none.
[[nodiscard]] std::optional<double> phase_seconds(const Record& trial, const std::string& name);

// Where a trial's weights went: where the target says so, else onto the GPU if it used GPU memory.
[[nodiscard]] Destination destination_of(const Record& record);

// The seconds that efficiency is about: of the weights phase, or of the whole load where the target
// is the native loader.
[[nodiscard]] std::optional<double> weights_seconds(const Record& record,
                                                    const std::string& target);

// Sets floor_s, and efficiency where the trial is what it claims to be and tells how long its
// weights took. Does nothing where the arm has no floor.
void apply_floor(const ArmFacts& arm, const std::string& target, Record* record);

}  // namespace coldload::records
