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

#include "report/notes.h"
#include "report/terms.h"

namespace coldload::report {

// What to do in one sentence with its figure, and what else is to be known of it; the latter may be
// empty.
struct Advice {
  std::string line;
  std::string more;
};
[[nodiscard]] inline std::string to_string(const Advice& advice) {
  return advice.more.empty() ? advice.line : advice.line + ' ' + advice.more;
}

// The most important first; empty where no path was measured.
[[nodiscard]] std::vector<Advice> recommendations_of(const Comparison& comparison);

// Three sentences for who reads no more; fewer where less was measured.
[[nodiscard]] std::vector<std::string> take_aways_of(const Comparison& comparison);

// The section of the report's first screen, at most six lines, with what else is to be known in
// `notes`; and all of it as a file of its own.
[[nodiscard]] std::string recommendation_section(const Comparison& comparison, Notes* notes);
[[nodiscard]] std::string recommendation_note(const Comparison& comparison);

}  // namespace coldload::report
