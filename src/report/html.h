// storage_layout_bench.html: the Markdown report as one page that needs nothing beside it.
//
// Light and dark, readable on a phone, tables sortable by their headings. What it shows is what the
// Markdown says: there is no second text to keep true.
//
// Layer: report. Pure functions.
#pragma once

#include <string>

namespace coldload::report {

// `picture_svg` takes the place of the Markdown's first picture; empty: there is none. Text in the
// report cannot become markup: raw HTML is left out, links other than to web pages, too.
[[nodiscard]] std::string html_page(const std::string& markdown, const std::string& picture_svg);

}  // namespace coldload::report
