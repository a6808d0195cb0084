// The texts in which procfs and sysfs answer: their lines and fields, and the numbers in them.
//
// Layer: storage. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace coldload::storage {

// What is between separators; may be empty. Points into `text`.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// The number at the start of `text`; nothing where there is none, or one past 64 bits.
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view text, int base = 10);

}  // namespace coldload::storage
