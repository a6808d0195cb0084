// The pictures of a comparison: each a pure function to an SVG file, empty where it has nothing to
// show.
//
// Layer: charts. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "charts/svg.h"
#include "findings/comparison.h"
#include "records/dataset.h"

namespace coldload::charts {

// What was found, at a glance: a bar per way to start, from launch to ready, its median trial's
// phases where they lie, and a dot for every trial. Phases that overlap lie one above the other;
// what no phase covers is grey.
[[nodiscard]] std::string start_chart(const findings::Comparison& comparison, Place place);

// What each layer of cold adds, path by path: each bar begins where the layer before ended, and a
// dot stands for every trial.
[[nodiscard]] std::string layers_chart(const findings::Comparison& comparison, Place place);

// How long nodes that start at once take until all are ready, and what they read together, over
// their number: a dot for every herd, the model as a line. Paths with one size have no part in it.
[[nodiscard]] std::string herd_chart(const findings::Comparison& comparison, Place place);

// What went on over the seconds since launch, a line per path: what storage delivered, how many
// cores the server kept busy, what its GPUs held. What was not sampled has no panel.
[[nodiscard]] std::string timeline_chart(const findings::Comparison& comparison,
                                         const records::Timelines& timelines, Place place);
// The trials that it shows: of each path the cold one at the median, as far as there are colours.
[[nodiscard]] std::vector<const records::Trial*> timeline_trials(
    const findings::Comparison& comparison);

}  // namespace coldload::charts
