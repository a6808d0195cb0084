// What to do, from the figures: where models should lie, whether to stage, read ahead or keep them
// in memory, and what else to work on.
//
// All rules are in recommendation.cc. Each sentence holds the number that it rests on; where a
// figure was not measured, there is no sentence, or it says how to measure it.
//
// Layer: report. Results are Markdown.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// A bullet each, the most important first; empty where no path was measured.
[[nodiscard]] std::vector<std::string> recommendations_of(const Comparison& comparison);

// Three sentences for who reads no more; fewer where less was measured.
[[nodiscard]] std::vector<std::string> take_aways_of(const Comparison& comparison);

// The section of the report, and the same as a note of its own.
[[nodiscard]] std::string recommendation_section(const Comparison& comparison);
[[nodiscard]] std::string recommendation_note(const Comparison& comparison);

}  // namespace coldload::report
