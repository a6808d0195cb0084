#include "process/log_lines.h"

#include <algorithm>
#include <iterator>

namespace coldload::process {

namespace {

constexpr char k_escape = '\x1b';
// A line put together from more pieces than this keeps the stamps of the first ones.
constexpr std::size_t k_most_pieces = 256;

}  // namespace

// ECMA-48: ESC [ ... final byte, ESC ] ... BEL or ESC \, or ESC and one character.
bool EscapeSkipper::skips(char next) {
  const Place before = place_;
  switch (before) {
    case Place::none:
      if (next == k_escape) place_ = Place::begun;
      return next == k_escape;
    case Place::begun:
      place_ = next == '[' ? Place::control : next == ']' ? Place::text : Place::none;
      break;
    case Place::control:
      if (next >= '@' && next <= '~') place_ = Place::none;
      break;
    case Place::text:
      if (next == '\a') place_ = Place::none;
      if (next == k_escape) place_ = Place::text_ends;
      break;
    case Place::text_ends:
      place_ = next == '\\' ? Place::none : Place::text;
      break;
  }
  return true;
}

os::TimePoint LogLine::received_at(std::size_t offset) const {
  if (pieces_.empty()) return {};
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                       [](std::size_t value, const auto& piece) { return value < piece.first; });
  return after == pieces_.begin() ? pieces_.front().second : std::prev(after)->second;
}

void LogLines::feed(os::TimePoint received, std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find_first_of("\r\n");
    append(received, piece.substr(0, end));
    if (end == std::string_view::npos) return;
    finish();
    piece.remove_prefix(end + 1);
  }
}

void LogLines::finish() {
  if (!line_.text_.empty()) on_line_(line_);
  line_.text_.clear();
  line_.pieces_.clear();
  escape_ = {};
}

void LogLines::append(os::TimePoint received, std::string_view part) {
  if (part.empty() || line_.text_.size() >= k_longest_log_line) return;
  if (line_.pieces_.size() < k_most_pieces) {
    line_.pieces_.emplace_back(line_.text_.size(), received);
  }
  while (!part.empty() && line_.text_.size() < k_longest_log_line) {
    if ((escape_.is_inside() || part.front() == k_escape) && escape_.skips(part.front())) {
      part.remove_prefix(1);
      continue;
    }
    const std::size_t room = k_longest_log_line - line_.text_.size();
    const std::size_t plain = std::min({part.find(k_escape), part.size(), room});
    line_.text_ += part.substr(0, plain);
    part.remove_prefix(plain);
  }
}

}  // namespace coldload::process
