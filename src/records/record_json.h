// The parts of a record as JSON: one list of members each.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <span>

#include "records/json_members.h"
#include "records/record.h"

namespace coldload::records {

[[nodiscard]] std::span<const Member<Phase>> members_of(const Phase* object);
[[nodiscard]] std::span<const Member<StandInFacts>> members_of(const StandInFacts* object);
[[nodiscard]] std::span<const Member<BaselineFigure>> members_of(const BaselineFigure* object);
[[nodiscard]] std::span<const Member<SameStorage>> members_of(const SameStorage* object);

// Without "staged_from" and "prefetch_of" where they say nothing.
[[nodiscard]] json::value to_value(const ArmFacts& arm);
[[nodiscard]] json::value to_value(const std::vector<ArmFacts>& arms);
void from_value(json::value&& value, ArmFacts* arm);

[[nodiscard]] json::value to_value(Status status);
[[nodiscard]] json::value to_value(Cold cold);
// Throw os::Error for what this version does not know.
void from_value(json::value&& value, Status* status);
void from_value(json::value&& value, Cold* cold);

// Also from the list of sentences that schema 1 has.
void from_value(json::value&& value, std::vector<SameStorage>* pairs);

}  // namespace coldload::records
