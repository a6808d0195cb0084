// "Did you mean": the nearest known word.
//
// Layer: text. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

// The candidate that needs the fewest edits (insert, delete, replace, swap of neighbours), if that
// is at most a third of the word's length and two at least; empty otherwise.
[[nodiscard]] std::string nearest(std::string_view word,
                                  const std::vector<std::string>& candidates);

}  // namespace coldload::text
