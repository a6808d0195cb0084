// storage_layout_bench.html: the Markdown report as one page that needs nothing beside it.
//
// Light and dark, readable on a phone, tables sortable by their headings, contents. What it shows
// is what the Markdown says: there is no second text to keep true.
//
// Layer: report. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace coldload::report {

// An SVG file for a screen and one for a phone, of which the page shows one.
struct Picture {
  std::string wide;
  std::string narrow;
};

// `pictures`: take the place of the Markdown's pictures, in their order. Text in the report cannot
// become markup: raw HTML is left out but for the folds that the report makes, links other than to
// web pages, too.
[[nodiscard]] std::string html_page(const std::string& markdown,
                                    const std::vector<Picture>& pictures);

}  // namespace coldload::report
