#include "text/notes.h"

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
    const bool reserved = byte == ';' || byte == '=' || byte == '%' || byte < 0x20 || byte == 0x7f;
    if (length == 0 || reserved) {
      out += fmt::format("%{:02X}", byte);
      ++at;
    } else {
      out += value.substr(at, length);
      at += length;
    }
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
