#include "process/log_tail.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/error.h"
#include "os/fd.h"
#include "process/log_lines.h"
#include "text/escape.h"

namespace coldload::process {

std::string clean_line(std::string_view text, std::size_t limit_bytes) {
  std::string line;
  EscapeSkipper skipper;
  while (!text.empty() && line.size() < limit_bytes) {
    std::size_t length = std::max<std::size_t>(text::utf8_length(text), 1);
    const std::string_view character = text.substr(0, length);
    const auto first = static_cast<unsigned char>(text.front());
    // U+0080 to U+009F are control characters too.
    const bool is_control =
        length == 1 ? first < ' ' || first == 0x7F : first == 0xC2 && character[1] < '\xA0';
    if (skipper.skips(text.front())) {
      length = 1;
    } else if (character == "\t") {
      line += ' ';
    } else if (length == 1 && first >= 0x80) {
      line += '?';
    } else if (!is_control) {
      if (line.size() + length > limit_bytes) break;
      line += character;
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
