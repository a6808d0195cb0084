// storage_layout_bench.md: the report for people, from the records alone, the same bytes each time.
//
// The first screen answers; everything below is evidence. Its parts are in sections.h, the rules
// behind its sentences in verdict.h.
//
// Layer: report.
#pragma once

#include <string>
#include <vector>

#include "records/dataset.h"

namespace coldload::report {

// Files beside the report; empty: there is none.
struct PictureNames {
  std::string trials;
  std::string phases;
  std::string timelines;
};
[[nodiscard]] std::string markdown_report(const records::Dataset& dataset,
                                          const PictureNames& pictures = {});

// Its first screen and the table of paths: for a pull request or the summary of a CI job.
[[nodiscard]] std::string short_report(const records::Dataset& dataset);

// Replaces `markdown_path` as a whole and, where its name ends in .md, the page and the pictures
// beside it: .html, .svg, _phases.svg and _timelines.svg. `dataset` is what these files hold, which
// are read again for the timelines. Throws os::Error.
void write_report(const std::vector<std::string>& jsonl_paths, const records::Dataset& dataset,
                  const std::string& markdown_path);

}  // namespace coldload::report
