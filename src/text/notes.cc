#include "text/notes.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <fmt/format.h>

#include "text/escape.h"

namespace coldload::text {

namespace {

std::string encode(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t length = utf8_length(value.substr(at));
    const auto byte = static_cast<unsigned char>(value[at]);
    const bool reserved = byte == ';' || byte == '=' || byte == '%';
    const bool encoded = length == 0 || reserved || steers(code_point(value.substr(at, length)));
    const std::string_view bytes = value.substr(at, std::max<std::size_t>(length, 1));
    for (const char part : bytes) {
      if (encoded) {
        out += fmt::format("%{:02X}", static_cast<unsigned char>(part));
      } else {
        out += part;
      }
    }
    at += bytes.size();
  }
  return out;
}

}  // namespace

std::string format_notes(const Notes& notes) {
  std::string out;
  for (const auto& [key, value] : notes) {
    if (!out.empty()) out += "; ";
    out += encode(key) + '=' + encode(value);
  }
  return out;
}

}  // namespace coldload::text
