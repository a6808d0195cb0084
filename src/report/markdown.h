// storage_layout_bench.md: the report for people, from the records alone, the same bytes each time.
//
// The first screen answers; everything below is evidence. Its parts are in sections.h, the rules
// behind its sentences in verdict.h.
//
// Layer: report.
#pragma once

#include <string>
#include <vector>

#include "report/dataset.h"

namespace coldload::report {

[[nodiscard]] std::string markdown_report(const Dataset& dataset);

// Reads the records and replaces `markdown_path` as a whole. Throws os::Error.
void write_markdown_report(const std::vector<std::string>& jsonl_paths,
                           const std::string& markdown_path);

}  // namespace coldload::report
