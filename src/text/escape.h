// Untrusted text made safe for where it is shown: JSON, a terminal, a message, Markdown, a shell
// line.
//
// Layer: text. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

// Bytes of the UTF-8 character at the start of `text`; 0 where there is none (also for surrogates,
// overlong forms and code points past U+10FFFF).
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// The text with every byte that is not UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

// One line that cannot steer a terminal: line breaks and tabs become blanks, other control
// characters (C1 too) and characters that turn the writing direction become U+FFFD.
[[nodiscard]] std::string one_line(std::string_view text);

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
