#include "text/csv.h"

#include <algorithm>
#include <utility>

#include <boost/algorithm/string/replace.hpp>
#include <fmt/format.h>

namespace coldload::text {

std::string csv_row(const std::vector<std::string>& fields) {
  std::string out;
  for (std::size_t index = 0; index < fields.size(); ++index) {
    if (index > 0) out += ',';
    const std::string& field = fields[index];
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      out += field;
      continue;
    }
    out += '"' + boost::replace_all_copy(field, "\"", "\"\"") + '"';
  }
  out += '\n';
  return out;
}

namespace {

// Walks over the text once; every method leaves `at_` behind what it has read.
class CsvParser {
 public:
  explicit CsvParser(std::string_view text) : text_(text) {}

  std::optional<std::vector<CsvRow>> rows(std::string* error) {
    std::vector<CsvRow> rows;
    while (at_ < text_.size()) {
      CsvRow row;
      row.line = line_;
      bool more = true;
      while (more) {
        std::string field;
        const char* problem = peek() == '"' ? quoted(&field) : plain(&field);
        if (problem == nullptr) problem = end_of_field(&more);
        if (problem != nullptr) {
          *error = fmt::format("line {}: {}", line_, problem);
          return std::nullopt;
        }
        row.fields.push_back(std::move(field));
      }
      if (!rows.empty() && row.fields.size() != rows.front().fields.size()) {
        *error = fmt::format("line {}: {} fields where the header has {}", row.line,
                             row.fields.size(), rows.front().fields.size());
        return std::nullopt;
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  // The next character, or -1 at the end.
  [[nodiscard]] int peek() const {
    return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1;
  }

  const char* plain(std::string* field) {
    const std::size_t end = std::min(text_.find_first_of(",\n\r\"", at_), text_.size());
    *field = text_.substr(at_, end - at_);
    at_ = end;
    return peek() == '"' ? "a quote inside a field that is not quoted" : nullptr;
  }

  const char* quoted(std::string* field) {
    const std::size_t opened_at_line = line_;
    ++at_;
    while (at_ < text_.size()) {
      const char character = text_[at_++];
      if (character == '\n') ++line_;
      if (character != '"') {
        *field += character;
      } else if (peek() == '"') {
        *field += '"';
        ++at_;
      } else {
        return nullptr;
      }
    }
    line_ = opened_at_line;
    return "a quote is opened and never closed";
  }

  const char* end_of_field(bool* more) {
    *more = false;
    if (peek() == -1) return nullptr;
    if (peek() == ',') {
      ++at_;
      *more = true;
      return nullptr;
    }
    if (peek() == '\r') {
      ++at_;
      if (peek() != '\n') return "a carriage return without a line feed";
    }
    if (peek() != '\n') return "text after a closing quote";
    ++at_;
    ++line_;
    return nullptr;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::optional<std::vector<CsvRow>> parse_csv(std::string_view text, std::string* error) {
  return CsvParser(text).rows(error);
}

}  // namespace coldload::text
