// The report as files: Markdown, the page, and the pictures beside them.
//
// Layer: report. The only part of it that writes.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// Replaces `markdown_path` as a whole and, where its name ends in .md, the page and the pictures
// beside it: .html, .svg, _herd.svg, _layers.svg and _timelines.svg. `comparisons` is what
// `jsonl_paths` show, which are read again for the timelines. Throws os::Error.
void write_report_files(const std::vector<std::string>& jsonl_paths,
                        const std::vector<Comparison>& comparisons,
                        const std::string& markdown_path);

}  // namespace coldload::report
