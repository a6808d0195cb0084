// U+FEFF before a text in UTF-8, which some editors and spreadsheets write there.
//
// Layer: text. Pure functions.
#pragma once

#include <string_view>

namespace coldload::text {

inline constexpr std::string_view k_byte_order_mark = "\xEF\xBB\xBF";

[[nodiscard]] inline std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with(k_byte_order_mark)) text.remove_prefix(k_byte_order_mark.size());
  return text;
}

}  // namespace coldload::text
