// The picture of what went on while a server started, as SVG.
//
// Layer: charts. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "findings/comparison.h"
#include "records/dataset.h"

namespace coldload::charts {

// The trials that it shows: of each path the cold one at the median, as far as there are colours.
[[nodiscard]] std::vector<const records::Record*> timeline_trials(
    const findings::Comparison& comparison);

// Over the seconds since launch, a line per path: what storage delivered, how many cores the server
// kept busy, what its GPUs held. What was not sampled has no panel; empty where nothing was.
[[nodiscard]] std::string timeline_chart(const findings::Comparison& comparison,
                                         const records::Timelines& timelines);

}  // namespace coldload::charts
