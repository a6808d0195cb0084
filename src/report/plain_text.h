// A line of the report without its Markdown, for a terminal.
//
// Layer: report. Pure functions.
#pragma once

#include <string>

namespace coldload::report {

// What a reader of the rendered line sees, as one line.
[[nodiscard]] std::string plain_text(const std::string& markdown_line);

}  // namespace coldload::report
