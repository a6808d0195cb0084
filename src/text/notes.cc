#include "text/notes.h"

#include <cstddef>

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

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
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

std::optional<Notes> parse_notes(std::string_view text) {
  Notes notes;
  while (!text.empty()) {
    const std::size_t end = text.find("; ");
    const std::string_view pair = text.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    auto key = decode(pair.substr(0, equals));
    auto value = decode(pair.substr(equals + 1));
    if (!key || !value) return std::nullopt;
    notes.emplace_back(std::move(*key), std::move(*value));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 2);
  }
  return notes;
}

}  // namespace coldload::text
