#include "cli/note_tally.h"

#include <cctype>

#include <fmt/format.h>

namespace coldload::cli {

namespace {

// Words that are numbers, and the units that change with them: "1.2 GB/s" and "980 MB/s" are one.
std::string kind_of(std::string_view note) {
  std::string kind;
  bool in_figure = false;
  for (std::size_t i = 0; i < note.size(); ++i) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(note[i])) != 0;
    const bool begins_word = i == 0 || note[i - 1] == ' ' || note[i - 1] == '(';
    if ((is_digit && (in_figure || begins_word)) || (in_figure && note[i] == '.')) {
      in_figure = true;
      continue;
    }
    if (in_figure) {
      kind += '#';
      for (const std::string_view unit : {" B", " kB", " MB", " GB", " TB"}) {
        if (note.substr(i).starts_with(unit)) i += unit.size();
      }
    }
    in_figure = false;
    if (i < note.size()) kind += note[i];
  }
  return kind;
}

}  // namespace

bool NoteTally::add(const std::string& note) {
  Kind& kind = kinds_[kind_of(note)];
  if (kind.count == 0) kind.first = note;
  return ++kind.count == 1;
}

std::vector<std::string> NoteTally::lines() const {
  std::vector<std::string> lines;
  for (const auto& [name, kind] : kinds_) {
    if (kind.count > 1)
      lines.push_back(fmt::format("{} runs with this note: {}", kind.count, kind.first));
  }
  return lines;
}

}  // namespace coldload::cli
