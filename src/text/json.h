// JSON values, reading and writing: Boost.JSON, with the few accessors that readers of untrusted
// or older files need, and one deterministic way of writing.
//
// Layer: text. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace coldload::text {

namespace json = boost::json;

// Parses one JSON text. Nothing, and `*error` set to position and cause, for anything else.
// Nesting deeper than 32 is an error.
[[nodiscard]] std::optional<json::value> parse_json(std::string_view text, std::string* error);

// "CAUSE near byte AT", or that the text begins with a byte order mark: the beginning of a text
// that a parser refused there.
[[nodiscard]] std::string why_not_json(std::string_view text, const std::string& cause,
                                       std::uint64_t at);

// One line, keys in insertion order; numbers written shortest and readable ("2.5", not "2.5E0").
// Text that is not UTF-8, as a file's name may be, gets U+FFFD. What could steer a terminal is
// written as \uXXXX: it reads back as it was.
[[nodiscard]] std::string to_line(const json::value& value);

// Two blanks an indent, for people; ends with a line feed.
[[nodiscard]] std::string to_pretty(const json::value& value);

// A number, or a text that is not empty; else null.
template <typename Number>
[[nodiscard]] json::value or_null(const std::optional<Number>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}
[[nodiscard]] json::value or_null(const std::string& text);

// The member's value where it is there and of that kind; nothing otherwise.
[[nodiscard]] std::optional<double> number_at(const json::object& object, std::string_view key);
[[nodiscard]] std::optional<std::uint64_t> unsigned_at(const json::object& object,
                                                       std::string_view key);
[[nodiscard]] std::optional<std::string> string_at(const json::object& object,
                                                   std::string_view key);
// Null where there is none.
[[nodiscard]] const json::object* object_at(const json::object& object, std::string_view key);
// The objects of a list; none where there is no list.
[[nodiscard]] std::vector<const json::object*> objects_at(const json::object& object,
                                                          std::string_view key);
// The texts of a list, likewise.
[[nodiscard]] std::vector<std::string> strings_at(const json::object& object, std::string_view key);

}  // namespace coldload::text
