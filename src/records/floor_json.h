// Members of a floor's JSON: lenient reading, as files of other versions need it.
//
// Layer: records. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json.h"

namespace coldload::records {

[[nodiscard]] text::json::value text_or_null(const std::string& text);

// A finite number above 0; nothing for anything else.
[[nodiscard]] std::optional<double> positive_in(const text::json::object& object,
                                                std::string_view key);
// A whole number that fits; nothing for anything else.
[[nodiscard]] std::optional<unsigned> count_in(const text::json::object& object,
                                               std::string_view key);
// The objects of a list; none where there is no list.
[[nodiscard]] std::vector<text::json::object> objects_in(const text::json::object& object,
                                                         std::string_view key);
// The object; an empty one where there is none.
[[nodiscard]] text::json::object object_in(const text::json::object& object, std::string_view key);

}  // namespace coldload::records
