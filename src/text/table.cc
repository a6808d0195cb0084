#include "text/table.h"

#include <algorithm>
#include <cstddef>

#include <boost/algorithm/string/replace.hpp>

#include "text/escape.h"

namespace coldload::text {

namespace {

std::size_t width_of(const std::string& shown) {
  return static_cast<std::size_t>(std::count_if(shown.begin(), shown.end(), [](char character) {
    return (static_cast<unsigned char>(character) & 0xC0u) != 0x80;
  }));
}

std::string plain_line(const std::vector<std::string>& cells, const std::vector<Column>& columns,
                       const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t index = 0; index < columns.size(); ++index) {
    if (index > 0) line += "  ";
    const std::string padding(widths[index] - width_of(cells[index]), ' ');
    line += columns[index].align == Align::right ? padding + cells[index] : cells[index] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string markdown_cell(std::string cell) {
  const auto breaks = [](char character) { return character == '\n' || character == '\r'; };
  std::replace_if(cell.begin(), cell.end(), breaks, ' ');
  boost::replace_all(cell, "|", "&#124;");
  return cell;
}

}  // namespace

std::string plain_table(const Table& table) {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : table.columns) lines[0].push_back(one_line(column.title));
  for (const auto& row : table.rows) {
    lines.emplace_back();
    for (const std::string& cell : row) lines.back().push_back(one_line(cell));
    lines.back().resize(table.columns.size());
  }
  std::vector<std::size_t> widths(table.columns.size());
  for (const auto& line : lines) {
    for (std::size_t index = 0; index < widths.size(); ++index) {
      widths[index] = std::max(widths[index], width_of(line[index]));
    }
  }
  std::string out;
  for (const auto& line : lines) out += plain_line(line, table.columns, widths);
  return out;
}

std::string markdown_table(const Table& table) {
  std::string out = "|";
  for (const Column& column : table.columns) out += ' ' + markdown_cell(column.title) + " |";
  out += "\n|";
  for (const Column& column : table.columns) out += column.align == Align::right ? "--:|" : "---|";
  out += '\n';
  for (auto row : table.rows) {
    row.resize(table.columns.size());
    out += '|';
    for (const std::string& cell : row) {
      out += cell.empty() ? " |" : ' ' + markdown_cell(cell) + " |";
    }
    out += '\n';
  }
  return out;
}

}  // namespace coldload::text
