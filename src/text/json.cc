#include "text/json.h"

#include <cmath>

#include <fmt/format.h>

#include "text/escape.h"

namespace coldload::text {

namespace {

void write_number(std::string* out, double value) {
  if (!std::isfinite(value)) {
    *out += "null";
    return;
  }
  *out += fmt::format("{}", value);
}

void write(std::string* out, const json::value& value, int indent, int depth);

void new_line(std::string* out, int indent, int depth) {
  if (indent < 0) return;
  *out += '\n';
  out->append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
}

void write_object(std::string* out, const json::object& object, int indent, int depth) {
  *out += '{';
  bool first = true;
  for (const auto& member : object) {
    if (!first) *out += ',';
    first = false;
    new_line(out, indent, depth + 1);
    *out += json::serialize(member.key());
    *out += indent < 0 ? ":" : ": ";
    write(out, member.value(), indent, depth + 1);
  }
  if (!first) new_line(out, indent, depth);
  *out += '}';
}

void write_array(std::string* out, const json::array& array, int indent, int depth) {
  *out += '[';
  bool first = true;
  for (const json::value& element : array) {
    if (!first) *out += ',';
    first = false;
    new_line(out, indent, depth + 1);
    write(out, element, indent, depth + 1);
  }
  if (!first) new_line(out, indent, depth);
  *out += ']';
}

void write(std::string* out, const json::value& value, int indent, int depth) {
  switch (value.kind()) {
    case json::kind::object:
      write_object(out, value.get_object(), indent, depth);
      return;
    case json::kind::array:
      write_array(out, value.get_array(), indent, depth);
      return;
    case json::kind::double_:
      write_number(out, value.get_double());
      return;
    default:
      *out += json::serialize(value);
  }
}

}  // namespace

std::optional<json::value> parse_json(std::string_view text, std::string* error) {
  json::error_code code;
  json::stream_parser parser;
  std::size_t consumed = 0;
  consumed = parser.write_some(text.data(), text.size(), code);
  if (!code) parser.finish(code);
  if (!code && text.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos) {
    code = json::error::extra_data;
  }
  if (code) {
    if (error != nullptr) *error = fmt::format("{} near byte {}", code.message(), consumed);
    return std::nullopt;
  }
  return parser.release();
}

std::string to_line(const json::value& value) {
  std::string out;
  write(&out, value, -1, 0);
  return out;
}

std::string to_pretty(const json::value& value) {
  std::string out;
  write(&out, value, 2, 0);
  return out + '\n';
}

json::value or_null(const std::optional<double>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value or_null(const std::optional<std::uint64_t>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(valid_utf8(text));
}

std::optional<double> number_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::optional<std::uint64_t> unsigned_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0) {
    return static_cast<std::uint64_t>(value->get_int64());
  }
  return std::nullopt;
}

std::optional<std::string> string_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string().c_str(), value->get_string().size());
}

const json::object* object_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

std::vector<const json::object*> objects_at(const json::object& object, std::string_view key) {
  std::vector<const json::object*> objects;
  const json::value* list = object.if_contains(key);
  if (list == nullptr || !list->is_array()) return objects;
  for (const json::value& entry : list->get_array()) {
    if (entry.is_object()) objects.push_back(&entry.get_object());
  }
  return objects;
}

std::vector<std::string> strings_at(const json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  const json::value* list = object.if_contains(key);
  if (list == nullptr || !list->is_array()) return texts;
  for (const json::value& entry : list->get_array()) {
    if (entry.is_string()) texts.emplace_back(entry.get_string());
  }
  return texts;
}

}  // namespace coldload::text
