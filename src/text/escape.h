// Untrusted text made safe for where it is shown: JSON, a terminal, a message, Markdown, a shell
// line.
//
// Layer: text. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

// Bytes of the UTF-8 character at the start of `text`; 0 where there is none (also for surrogates,
// overlong forms and code points past U+10FFFF).
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// Code point of that character; there must be one.
[[nodiscard]] std::uint32_t code_point(std::string_view character);

// The text with every byte that is not UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

// Whether a character, by its code point, does something else to a screen than to stand there: it
// controls a terminal (C0, DEL, C1), ends a line, turns the writing direction, or is not to be
// seen.
[[nodiscard]] bool steers(std::uint32_t code_point);

// One line that cannot steer a terminal: line breaks and tabs become blanks, all else that steers
// and what is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string one_line(std::string_view text);

// The same for a text of several lines: line feeds and tabs stay.
[[nodiscard]] std::string without_steering(std::string_view text);

// one_line(text) in double quotes, for a message. What is longer than `limit_bytes` is cut there
// (at a character's start) and ends in "...".
[[nodiscard]] std::string quoted(std::string_view text, std::size_t limit_bytes = 120);

// The text as Markdown that shows exactly it: no markup, no HTML, no table border, no link; one
// line. For use within a line, not at its start.
[[nodiscard]] std::string markdown_text(std::string_view text);

// The text as code within a line: `text`, or HTML where backticks, pipes or such are in it.
[[nodiscard]] std::string markdown_code(std::string_view text);

// One word of a shell's command line: any POSIX shell's, but for text with characters that steer a
// terminal, which only bash's $'...' can show. What is no UTF-8 is replaced.
[[nodiscard]] std::string shell_word(std::string_view text);

// A command line of such words.
[[nodiscard]] std::string shell_line(const std::vector<std::string>& words);

}  // namespace coldload::text
