#include "process/log_tail.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/error.h"
#include "os/fd.h"

namespace coldload::process {

namespace {

constexpr char k_escape_byte = '\x1b';

// The length of the escape sequence that `text` begins with: ESC [ ... final byte, ESC ] ... BEL or
// ESC \, or ESC and one character.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    std::size_t at = 2;
    while (at < text.size() && (text[at] < '@' || text[at] > '~')) ++at;
    return std::min(at + 1, text.size());
  }
  if (text[1] == ']') {
    for (std::size_t at = 2; at < text.size(); ++at) {
      if (text[at] == '\a') return at + 1;
      if (text[at] == k_escape_byte && at + 1 < text.size() && text[at + 1] == '\\') return at + 2;
    }
    return text.size();
  }
  return 2;
}

// The length of the well-formed UTF-8 sequence that `text` begins with (Unicode 15, table 3-7);
// 0 if it begins with none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto follows = [&](std::size_t at) { return byte(at) >= 0x80 && byte(at) <= 0xBF; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return !overlong && !surrogate && follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool too_large = first == 0xF4 && byte(1) > 0x8F;
    return !overlong && !too_large && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string clean_line(std::string_view text, std::size_t limit_bytes) {
  std::string line;
  while (!text.empty() && line.size() < limit_bytes) {
    const auto first = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (text.front() == k_escape_byte) {
      length = escape_length(text);
    } else if (text.front() == '\t') {
      line += ' ';
    } else if (first < 0x80) {
      if (first >= ' ' && first != 0x7F) line += text.front();
    } else if (const std::size_t sequence = utf8_length(text); sequence != 0) {
      length = sequence;
      // U+0080 to U+009F are control characters too.
      const bool control = first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
      if (line.size() + sequence > limit_bytes) break;
      if (!control) line += text.substr(0, sequence);
    } else {
      line += '?';
    }
    text.remove_prefix(length);
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::vector<std::string> last_log_lines(const std::string& path, std::size_t count) {
  constexpr std::uint64_t k_tail_bytes = 256 << 10;
  std::string tail;
  try {
    const os::Fd file = os::open_regular(path);
    const std::uint64_t size = os::file_size(file);
    const std::uint64_t length = std::min(size, k_tail_bytes);
    tail.resize(static_cast<std::size_t>(length));
    tail.resize(os::pread_full(file, std::as_writable_bytes(std::span(tail.data(), tail.size())),
                               size - length));
  } catch (const os::Error&) {
    return {};
  }
  std::vector<std::string> lines;
  std::string_view rest = tail;
  while (lines.size() < count && !rest.empty()) {
    const std::size_t end = rest.find_last_of("\r\n");
    const std::string_view raw = end == std::string_view::npos ? rest : rest.substr(end + 1);
    std::string line = clean_line(raw);
    if (!line.empty()) lines.push_back(std::move(line));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

}  // namespace coldload::process
