// The pictures of a comparison: each a pure function to an SVG file, empty where it has nothing to
// show.
//
// Layer: charts. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "findings/comparison.h"
#include "records/dataset.h"

namespace coldload::charts {

// Every trial: a row per storage mode, a dot per trial, a bar at the median.
[[nodiscard]] std::string trial_chart(const findings::Comparison& comparison);

// Where the median trials' time went: a row per way to start, its phases where they lie between
// launch and ready. Phases that overlap lie one above the other; what no phase covers stays empty.
[[nodiscard]] std::string phase_chart(const findings::Comparison& comparison);

// What went on over the seconds since launch, a line per path: what storage delivered, how many
// cores the server kept busy, what its GPUs held. What was not sampled has no panel.
[[nodiscard]] std::string timeline_chart(const findings::Comparison& comparison,
                                         const records::Timelines& timelines);
// The trials that it shows: of each path the cold one at the median, as far as there are colours.
[[nodiscard]] std::vector<const records::Trial*> timeline_trials(
    const findings::Comparison& comparison);

}  // namespace coldload::charts
