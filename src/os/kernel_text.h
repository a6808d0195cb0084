// The texts in which procfs and sysfs answer: their lines and fields, and the numbers in them.
//
// Layer: os. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace coldload::os {

// What is between separators; may be empty. Points into `text`.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// The next of the words that blanks part, taken off the front of `text`; empty where none is left.
[[nodiscard]] std::string_view next_word(std::string_view* text);

// The number at the start of `text`; nothing where there is none, or one past 64 bits.
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view text, int base = 10);

// The number after `key`, which begins a line, and blanks.
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key,
                                                        int base = 10);

}  // namespace coldload::os
