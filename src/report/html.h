// storage_layout_bench.html: the Markdown report as one page that needs nothing beside it.
//
// Light and dark, readable on a phone, tables sortable by their headings. What it shows is what the
// Markdown says: there is no second text to keep true.
//
// Layer: report. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace coldload::report {

// `pictures`: SVG files that take the place of the Markdown's pictures, in their order. Text in the
// report cannot become markup: raw HTML is left out, links other than to web pages, too.
[[nodiscard]] std::string html_page(const std::string& markdown,
                                    const std::vector<std::string>& pictures);

}  // namespace coldload::report
