// What the layers of cold on a path show: the sentences that hang on what was told apart.
//
// Layer: report. Pure functions; results are Markdown.
#pragma once

#include <string>
#include <vector>

#include "findings/layers.h"
#include "report/recommendation.h"
#include "report/terms.h"

namespace coldload::report {

// Of one path, on the first screen: how long the coldest start takes, and what each layer is of
// that.
[[nodiscard]] std::string answer_for_layers(const Comparison& comparison,
                                            const findings::LayersOfArm& layers);

// What a layer has that the one before has not, to stand after "with": "the weights on storage".
[[nodiscard]] std::string what_is_cold(records::Layer layer);

// What the largest layer asks for, with the first of several commands and on the path whose coldest
// start takes longest; empty where no layer stands out.
[[nodiscard]] Advice advice_for_layers(const Comparison& comparison);

// What stands after a path's name and a colon: where the program and the caches came from, what
// could not be made cold, and of a group that lies on a network.
[[nodiscard]] std::vector<std::string> about_start_set(const findings::LayersOfArm& layers);

}  // namespace coldload::report
