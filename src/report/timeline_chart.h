// The picture of what went on while a server started, as SVG.
//
// Layer: report. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "report/comparison.h"
#include "report/dataset.h"

namespace coldload::report {

// The trials that it shows: of each path the cold one at the median, as far as there are colours.
[[nodiscard]] std::vector<const measure::Record*> timeline_trials(const Comparison& comparison);

// Over the seconds since launch, a line per path: what storage delivered, how many cores the server
// kept busy, what its GPUs held. What was not sampled has no panel; empty where nothing was.
[[nodiscard]] std::string timeline_chart(const Comparison& comparison, const Timelines& timelines);

}  // namespace coldload::report
