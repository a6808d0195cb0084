// Every sentence that hangs on a claim: what the runs show of two arms, how sure that is, and what
// is left unsaid.
//
// Layer: report. Pure functions; results are Markdown that fits into a line or a table cell.
#pragma once

#include <string>

#include "report/terms.h"

namespace coldload::report {

// The report's title, without "#".
[[nodiscard]] std::string title_of(const Comparison& comparison);

// What is said at once, a sentence or two, and what that rests on, for a note. Both are empty where
// there is nothing to say.
struct Answer {
  std::string said;
  std::string basis;
};

// Of two paths, on the first screen; empty where an arm has no figure.
[[nodiscard]] Answer answer_for(const Comparison& comparison, const Contrast& contrast);

// Of two commands on one path, `path`; likewise.
[[nodiscard]] Answer answer_for_ways(const Comparison& comparison, const std::string& path,
                                     const Contrast& contrast);

// Of starts from one path with `coldload run`, the contrast's second arm, against those without;
// likewise.
[[nodiscard]] std::string answer_of_reading_ahead(const Comparison& comparison,
                                                  const Contrast& contrast);

// What is to be said of starts from a copy against those from its source where no test shows a
// difference; empty where one does.
[[nodiscard]] std::string how_sure_of_copy(const Staging& staging);

// For a line in a terminal: "; single runs: no claim".
[[nodiscard]] std::string claim_in_short(const Contrast& contrast);

}  // namespace coldload::report
