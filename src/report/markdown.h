// storage_layout_bench.md: the report for people, from the records alone, the same bytes each time.
//
// The first screen answers; everything below is evidence. Its parts are in sections.h.
//
// Layer: report. Measures nothing.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// Files beside the report; empty: there is none.
struct PictureNames {
  std::string starts;
  std::string timelines;
  std::string layers = {};
  std::string herds = {};
};
[[nodiscard]] std::string markdown_report(const std::vector<Comparison>& comparisons,
                                          const PictureNames& pictures = {});

// Its first screen and the table of paths: for a pull request or the summary of a CI job.
[[nodiscard]] std::string short_report(const std::vector<Comparison>& comparisons);

}  // namespace coldload::report
