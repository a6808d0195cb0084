// What a trial does about what a start reads beside the weights: it learns what that is, and judges
// whether it was as cold as the trial's layer says.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <optional>

#include "measure/cold.h"
#include "measure/schedule.h"
#include "measure/start_state.h"
#include "measure/subject.h"
#include "measure/target.h"
#include "process/server_process.h"
#include "records/record.h"
#include "start_set/learner.h"
#include "start_set/start_set.h"

namespace coldload::measure {

[[nodiscard]] records::Layer layer_of(TrialKind kind);

// Of the weights and the rest of the checkpoint; by name as the set has them.
[[nodiscard]] start_set::Roles roles_of(const Subject& subject);

// What the start read; nothing where it did not get ready, or `learner` is null. Where a file
// system hangs, a set of no files that says so.
[[nodiscard]] std::optional<start_set::StartSet> learned(start_set::Learner* learner,
                                                         Launched& launched,
                                                         const process::Readiness& seen);

// What is known of the rest, as far as it matters in this trial.
void note_rest(const StartState& start, records::Record* record);

// The weights' verdict, and in a deeper layer, where that claims something, that of all else.
// `record`: with what the runtime caches held.
[[nodiscard]] ColdVerdict judge_with_rest(const Subject& subject, const StartState& start,
                                          const records::Record& record);

}  // namespace coldload::measure
