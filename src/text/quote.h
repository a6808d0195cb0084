// Untrusted text inside a message: quoted, one line, bounded.
//
// Layer: text. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coldload::text {

// one_line(text) in double quotes. What is longer than `limit_bytes` is cut there (at a character's
// start) and ends in "...".
[[nodiscard]] std::string quoted(std::string_view text, std::size_t limit_bytes = 120);

}  // namespace coldload::text
