// CSV as RFC 4180 has it, with LF line ends: writing rows, and a strict reader.
//
// Layer: text. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

// One row with its line end. A field is quoted where it holds a comma, a quote or a line break.
[[nodiscard]] std::string csv_row(const std::vector<std::string>& fields);

struct CsvRow {
  std::size_t line = 0;  // 1-based, where the row begins
  std::vector<std::string> fields;
};

// Every row of `text`, the header included. Lines end in LF or CRLF; the last may lack its end.
// Nothing, and `*error` set to the line number and the cause, for a quote in the middle of a
// field, an unclosed quote, a lone CR, or a row whose number of fields is not the first row's.
[[nodiscard]] std::optional<std::vector<CsvRow>> parse_csv(std::string_view text,
                                                           std::string* error);

}  // namespace coldload::text
