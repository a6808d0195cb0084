#include "process/log_lines.h"

#include <algorithm>
#include <iterator>

namespace coldload::process {

namespace {

constexpr char k_escape = '\x1b';
// A line put together from more pieces than this keeps the stamps of the first ones.
constexpr std::size_t k_most_pieces = 256;

}  // namespace

os::TimePoint LogLine::received_at(std::size_t offset) const {
  if (pieces_.empty()) return {};
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                       [](std::size_t value, const auto& piece) { return value < piece.first; });
  return after == pieces_.begin() ? pieces_.front().second : std::prev(after)->second;
}

void LogLines::feed(os::TimePoint received, std::string_view piece) {
  std::size_t begin = 0;
  std::size_t carriage_return = piece.find('\r');
  std::size_t line_feed = piece.find('\n');
  while (begin < piece.size()) {
    const std::size_t end = std::min(carriage_return, line_feed);
    append(received, piece.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) return;
    finish();
    begin = end + 1;
    if (end == carriage_return) {
      carriage_return = piece.find('\r', begin);
    } else {
      line_feed = piece.find('\n', begin);
    }
  }
}

void LogLines::finish() {
  if (!line_.text_.empty()) on_line_(line_);
  line_.text_.clear();
  line_.pieces_.clear();
  escape_ = Escape::none;
}

void LogLines::append(os::TimePoint received, std::string_view part) {
  if (part.empty() || line_.text_.size() >= k_longest_log_line) return;
  if (line_.pieces_.size() < k_most_pieces) {
    line_.pieces_.emplace_back(line_.text_.size(), received);
  }
  while (!part.empty() && line_.text_.size() < k_longest_log_line) {
    if (escape_ != Escape::none) {
      skip_escape(part.front());
      part.remove_prefix(1);
      continue;
    }
    const std::size_t room = k_longest_log_line - line_.text_.size();
    const std::size_t plain = std::min({part.find(k_escape), part.size(), room});
    line_.text_ += part.substr(0, plain);
    part.remove_prefix(plain);
    if (!part.empty() && part.front() == k_escape) {
      escape_ = Escape::begun;
      part.remove_prefix(1);
    }
  }
}

// ECMA-48: ESC [ ... final byte, ESC ] ... BEL or ESC \, or ESC and one character.
void LogLines::skip_escape(char next) {
  switch (escape_) {
    case Escape::begun:
      escape_ = next == '[' ? Escape::control : next == ']' ? Escape::text : Escape::none;
      break;
    case Escape::control:
      if (next >= '@' && next <= '~') escape_ = Escape::none;
      break;
    case Escape::text:
      if (next == '\a') escape_ = Escape::none;
      if (next == k_escape) escape_ = Escape::text_ends;
      break;
    case Escape::text_ends:
      escape_ = next == '\\' ? Escape::none : Escape::text;
      break;
    case Escape::none:
      break;
  }
}

}  // namespace coldload::process
