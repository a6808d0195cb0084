#include "text/escape.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace coldload::text {

namespace {

constexpr std::string_view k_replacement = "\xEF\xBF\xBD";

bool is_alphanumeric(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z');
}

std::uint32_t code_point(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first;
  std::uint32_t point = first & (0xFFu >> (character.size() + 1));
  for (const char next : character.substr(1)) {
    point = (point << 6) | (static_cast<unsigned char>(next) & 0x3Fu);
  }
  return point;
}

bool steers(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029 ||
         point == 0x200E || point == 0x200F || (point >= 0x202A && point <= 0x202E) ||
         (point >= 0x2066 && point <= 0x2069);
}

// Calls `each` with every character of the text as one_line shows it.
template <typename Each>
void for_each_shown(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      each(k_replacement);
      text.remove_prefix(1);
      continue;
    }
    const std::string_view character = text.substr(0, length);
    const std::uint32_t point = code_point(character);
    if (point == '\n' || point == '\r' || point == '\t') {
      each(std::string_view(" "));
    } else {
      each(steers(point) ? k_replacement : character);
    }
    text.remove_prefix(length);
  }
}

// In bash's $'...', which shows what would steer a terminal as escapes.
std::string shell_word_with_escapes(std::string_view text) {
  std::string out = "$'";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = length == 0 ? k_replacement : text.substr(0, length);
    if (steers(code_point(character))) {
      for (const char byte : character) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    } else {
      if (character == "'" || character == "\\") out += '\\';
      out += character;
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + '\'';
}

bool is_shown_as_it_is(std::string_view text) {
  for (std::size_t length = 0; !text.empty(); text.remove_prefix(length)) {
    length = utf8_length(text);
    if (length == 0 || steers(code_point(text.substr(0, length)))) return false;
  }
  return true;
}

std::string entity(std::string_view character) {
  return fmt::format("&#{};", static_cast<unsigned char>(character[0]));
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t index = 1; index < length; ++index) {
    if ((static_cast<unsigned char>(text[index]) & 0xC0u) != 0x80) return 0;
  }
  const std::uint32_t point = code_point(text.substr(0, length));
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return overlong || surrogate || point > 0x10FFFF ? 0 : length;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? k_replacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string one_line(std::string_view text) {
  std::string out;
  for_each_shown(text, [&out](std::string_view character) { out += character; });
  return out;
}

std::string markdown_text(std::string_view text) {
  static constexpr std::string_view k_entities = "<>&|$@";
  static constexpr std::string_view k_backslashed = "\\`*_[]~";
  std::string out;
  for_each_shown(text, [&out](std::string_view character) {
    // "https://" would become a link.
    const bool ends_scheme =
        character == "/" && out.size() >= 2 && out.compare(out.size() - 2, 2, ":/") == 0;
    if (ends_scheme || k_entities.find(character) != std::string_view::npos) {
      out += entity(character);
    } else if (k_backslashed.find(character) != std::string_view::npos) {
      out += '\\';
      out += character;
    } else {
      out += character;
    }
  });
  return out;
}

std::string markdown_code(std::string_view text) {
  const std::string shown = one_line(text);
  // A table takes "\|" and a span takes no backslash for a backtick: the two cannot be quoted
  // together, so such text goes into HTML, every punctuation mark as an entity.
  const bool plain = !shown.empty() && shown.find_first_of("`|") == std::string::npos &&
                     shown.front() != ' ' && shown.back() != ' ' && shown.back() != '\\';
  if (plain) return '`' + shown + '`';
  std::string out = "<code>";
  for (const char character : shown) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= 0x80 || is_alphanumeric(byte) || byte == ' ') {
      out += character;
    } else {
      out += entity(std::string_view(&character, 1));
    }
  }
  return out + "</code>";
}

std::string shell_word(std::string_view text) {
  if (!is_shown_as_it_is(text)) return shell_word_with_escapes(text);
  static constexpr std::string_view k_safe = "-_./:=,+@%{}";
  bool safe = !text.empty();
  for (const char character : text) {
    safe = safe && (is_alphanumeric(static_cast<unsigned char>(character)) ||
                    k_safe.find(character) != std::string_view::npos);
  }
  // {model} is no more than that to a shell; {a,b} and {1..3} are several words.
  const bool expands =
      text.find('{') != std::string_view::npos &&
      (text.find(',') != std::string_view::npos || text.find("..") != std::string_view::npos);
  if (safe && !expands) return std::string(text);
  std::string out = "'";
  for (const char character : text) {
    if (character == '\'') {
      out += "'\\''";
    } else {
      out += character;
    }
  }
  return out + '\'';
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_word(word);
  return line;
}

}  // namespace coldload::text
