// Values to JSON and back: strict about kinds, deterministic about numbers.
//
// Layer: records. Pure functions; knows no record.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/json.h"

namespace coldload::records {

namespace json = text::json;

// Writing. An empty text is null, and so is what is not known or not finite. Numbers are rounded to
// 15 significant digits: those are read back exactly.
[[nodiscard]] json::value to_value(std::string_view text);
[[nodiscard]] json::value to_value(std::optional<double> number);
[[nodiscard]] json::value to_value(const std::vector<std::string>& texts);
[[nodiscard]] json::value to_value(const json::value& value);  // the same, at every depth
[[nodiscard]] inline json::value to_value(const std::string& text) {
  return to_value(std::string_view(text));
}
[[nodiscard]] inline json::value to_value(double number) { return to_value(std::optional(number)); }
[[nodiscard]] json::value to_value(std::integral auto count) { return count; }
template <std::integral Count>
[[nodiscard]] json::value to_value(const std::optional<Count>& count) {
  return count ? json::value(*count) : json::value(nullptr);
}
template <std::unsigned_integral Count>
[[nodiscard]] json::value to_value(const std::vector<Count>& counts) {
  return json::array(counts.begin(), counts.end());
}
[[nodiscard]] json::value to_value(const json::object& object);
[[nodiscard]] json::value to_value(const json::array& array);
[[nodiscard]] json::value to_value(const std::map<std::string, double>& numbers);

// Reading. Each throws os::Error ("is not ...") for another kind, and changes nothing then; the
// caller adds key and line.
// Numbers must be finite, not negative, and no larger than anything that is measured.
void from_value(json::value&& value, std::string* text);
void from_value(json::value&& value, double* number);
void from_value(json::value&& value, std::uint64_t* count);
void from_value(json::value&& value, unsigned* count);
void from_value(json::value&& value, bool* truth);
void from_value(json::value&& value, json::object* object);
void from_value(json::value&& value, json::array* array);
void from_value(json::value&& value, std::map<std::string, double>* numbers);
// The same, left where it is.
[[nodiscard]] json::object& object_in(json::value& value);
[[nodiscard]] json::array& array_in(json::value& value);

}  // namespace coldload::records
