// The rules that turn figures into the first sentences: what is claimed, from which number on, and
// what is left unsaid.
//
// Layer: report. Results are Markdown that fits into a line or a table cell.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// The title, without "#".
[[nodiscard]] std::string title_of(const Comparison& comparison);

// The first sentences: what the answer is and how sure; a paragraph each.
[[nodiscard]] std::vector<std::string> answers_of(const Comparison& comparison);

// What a cold trial is of: "load" of weights alone, "start" of a server.
[[nodiscard]] std::string start_word(const Comparison& comparison);

}  // namespace coldload::report
