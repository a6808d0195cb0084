// Tables of text: aligned columns for a terminal, and GitHub's Markdown.
//
// Layer: text. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace coldload::text {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // a short row is filled up with empty cells
};

// Two blanks between columns, a header, no rules; widths count characters, not bytes. Cells are
// shown as one_line shows them.
[[nodiscard]] std::string plain_table(const Table& table);

// A GitHub table. Cells are Markdown already (markdown_text, markdown_code for what is not ours);
// a pipe or a line break in one would still break the table, so those are replaced.
[[nodiscard]] std::string markdown_table(const Table& table);

}  // namespace coldload::text
