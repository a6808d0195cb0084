#include "text/escape.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <boost/algorithm/string/replace.hpp>
#include <boost/locale/utf.hpp>
#include <fmt/format.h>

namespace coldload::text {

namespace {

using Utf8 = boost::locale::utf::utf_traits<char>;

constexpr std::string_view k_replacement = "\xEF\xBF\xBD";

bool is_alphanumeric(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z');
}

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// Ascending; the blocks as Unicode 15 names them.
constexpr std::array<Range, 14> k_steering{{
    {0x0000, 0x001F},    // C0
    {0x007F, 0x009F},    // DEL, C1
    {0x00AD, 0x00AD},    // soft hyphen
    {0x034F, 0x034F},    // combining grapheme joiner
    {0x061C, 0x061C},    // Arabic letter mark
    {0x115F, 0x1160},    // Hangul fillers
    {0x180E, 0x180E},    // Mongolian vowel separator
    {0x200B, 0x200F},    // zero-width, left-to-right and right-to-left mark
    {0x2028, 0x202E},    // line and paragraph separator, embeddings and overrides
    {0x2060, 0x206F},    // word joiner, invisible operators, isolates
    {0x3164, 0x3164},    // Hangul filler
    {0xFEFF, 0xFEFF},    // byte order mark
    {0xFFF9, 0xFFFB},    // interlinear annotation
    {0xE0000, 0xE0FFF},  // tags and others that are not to be seen
}};

// Most text is that, and stays as it is.
bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char character) { return character >= ' ' && character <= '~'; });
}

// Calls `each` with every character of the text; a byte that is no UTF-8 is U+FFFD.
template <typename Each>
void for_each_character(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    each(length == 0 ? k_replacement : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

// Calls `each` with every character of the text as one_line shows it.
template <typename Each>
void for_each_shown(std::string_view text, Each each) {
  for_each_character(text, [&each](std::string_view character) {
    if (character == "\n" || character == "\r" || character == "\t") {
      each(std::string_view(" "));
    } else {
      each(steers(code_point(character)) ? k_replacement : character);
    }
  });
}

// In bash's $'...', which shows what would steer a terminal as escapes.
std::string shell_word_with_escapes(std::string_view text) {
  std::string out = "$'";
  for_each_character(text, [&out](std::string_view character) {
    if (steers(code_point(character))) {
      for (const char byte : character) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    } else {
      if (character == "'" || character == "\\") out += '\\';
      out += character;
    }
  });
  return out + '\'';
}

std::string entity(std::string_view character) {
  return fmt::format("&#{};", static_cast<unsigned char>(character[0]));
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const char* end = text.data();
  const std::uint32_t point = Utf8::decode(end, text.data() + text.size());
  const bool is_there = boost::locale::utf::is_valid_codepoint(point);
  return is_there ? static_cast<std::size_t>(end - text.data()) : 0;
}

std::uint32_t code_point(std::string_view character) {
  const char* at = character.data();
  return Utf8::decode_valid(at);
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  for_each_character(text, [&out](std::string_view character) { out += character; });
  return out;
}

bool steers(std::uint32_t code_point) {
  for (const Range& range : k_steering) {
    if (code_point <= range.last) return code_point >= range.first;
  }
  return false;
}

std::string one_line(std::string_view text) {
  if (is_printable_ascii(text)) return std::string(text);
  std::string out;
  for_each_shown(text, [&out](std::string_view character) { out += character; });
  return out;
}

std::string without_steering(std::string_view text) {
  std::string out;
  for_each_character(text, [&out](std::string_view character) {
    const bool stays = character == "\n" || character == "\t" || !steers(code_point(character));
    out += stays ? character : k_replacement;
  });
  return out;
}

std::string quoted(std::string_view text, std::size_t limit_bytes) {
  if (text.size() <= limit_bytes) return '"' + one_line(text) + '"';
  std::size_t end = limit_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return '"' + one_line(text.substr(0, end)) + "...\"";
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
    } else {
      if (k_backslashed.find(character) != std::string_view::npos) out += '\\';
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
  if (one_line(text) != text) return shell_word_with_escapes(text);
  const bool safe = !text.empty() && std::all_of(text.begin(), text.end(), [](char character) {
    static constexpr std::string_view k_safe = "-_./:=,+@%{}";
    return is_alphanumeric(static_cast<unsigned char>(character)) ||
           k_safe.find(character) != std::string_view::npos;
  });
  // {model} is no more than that to a shell; {a,b} and {1..3} are several words.
  const bool expands =
      text.find('{') != std::string_view::npos &&
      (text.find(',') != std::string_view::npos || text.find("..") != std::string_view::npos);
  if (safe && !expands) return std::string(text);
  return '\'' + boost::replace_all_copy(std::string(text), "'", "'\\''") + '\'';
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_word(word);
  return line;
}

}  // namespace coldload::text
