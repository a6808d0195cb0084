#include "records/floor_json.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "text/escape.h"

namespace coldload::records {

text::json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return text::json::value(text::valid_utf8(text));
}

std::optional<double> positive_in(const text::json::object& object, std::string_view key) {
  const auto number = text::number_at(object, key);
  return number && std::isfinite(*number) && *number > 0 ? number : std::nullopt;
}

std::optional<unsigned> count_in(const text::json::object& object, std::string_view key) {
  const auto number = text::unsigned_at(object, key);
  if (!number || *number > std::numeric_limits<unsigned>::max()) return std::nullopt;
  return static_cast<unsigned>(*number);
}

std::vector<text::json::object> objects_in(const text::json::object& object, std::string_view key) {
  std::vector<text::json::object> objects;
  const text::json::value* list = object.if_contains(key);
  if (list == nullptr || !list->is_array()) return objects;
  for (const text::json::value& entry : list->get_array()) {
    if (entry.is_object()) objects.push_back(entry.get_object());
  }
  return objects;
}

text::json::object object_in(const text::json::object& object, std::string_view key) {
  const text::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : text::json::object();
}

}  // namespace coldload::records
