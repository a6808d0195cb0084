#include "text/json.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "text/byte_order_mark.h"
#include "text/escape.h"

namespace coldload::text {

namespace {

std::string unicode_escape(std::uint32_t point) {
  constexpr std::uint32_t k_first_pair = 0x10000;
  if (point < k_first_pair) return fmt::format("\\u{:04x}", point);
  const std::uint32_t rest = point - k_first_pair;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10U), 0xDC00 + (rest & 0x3FFU));
}

// Of a JSON text that is valid UTF-8: only within its strings does it hold anything of that kind.
std::string escape_steering(std::string text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (plain) return text;
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    const std::uint32_t point = code_point(rest);
    if (steers(point)) {
      out += unicode_escape(point);
    } else {
      out += rest.substr(0, length);
    }
    rest.remove_prefix(length);
  }
  return out;
}

class Writer {
 public:
  // Blanks an indent; negative: all on one line.
  explicit Writer(int indent) : indent_(indent) {}

  std::string text(const json::value& value) {
    write(value);
    return std::move(out_);
  }

 private:
  void write(const json::value& value) {
    if (const json::object* object = value.if_object()) {
      write_all(*object, '{', '}', [this](const json::key_value_pair& member) {
        write_text(member.key());
        out_ += indent_ < 0 ? ":" : ": ";
        write(member.value());
      });
    } else if (const json::array* array = value.if_array()) {
      write_all(*array, '[', ']', [this](const json::value& element) { write(element); });
    } else if (const double* number = value.if_double()) {
      out_ += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
    } else if (const json::string* text = value.if_string()) {
      write_text(*text);
    } else {
      out_ += json::serialize(value);
    }
  }

  void write_text(std::string_view text) {
    const std::string valid = valid_utf8(text);
    out_ += escape_steering(json::serialize(json::string_view(valid)));
  }

  template <typename List, typename WriteOne>
  void write_all(const List& list, char begin, char end, WriteOne write_one) {
    out_ += begin;
    ++depth_;
    for (const auto& one : list) {
      if (&one != &*list.begin()) out_ += ',';
      new_line();
      write_one(one);
    }
    --depth_;
    if (!list.empty()) new_line();
    out_ += end;
  }

  void new_line() {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_) * depth_, ' ');
  }

  int indent_;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string why_not_json(std::string_view text, const std::string& cause, std::uint64_t at) {
  if (text.starts_with(k_byte_order_mark)) {
    return "it begins with a byte order mark (BOM), which no JSON does: remove these three bytes";
  }
  return fmt::format("{} near byte {}", cause, at);
}

std::optional<json::value> parse_json(std::string_view text, std::string* error) {
  json::error_code code;
  json::stream_parser parser;
  const std::size_t consumed = parser.write_some(text.data(), text.size(), code);
  if (!code) parser.finish(code);
  if (!code && text.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos) {
    code = json::error::extra_data;
  }
  if (code) {
    if (error != nullptr) *error = why_not_json(text, code.message(), consumed);
    return std::nullopt;
  }
  return parser.release();
}

std::string to_line(const json::value& value) { return Writer(-1).text(value); }

std::string to_pretty(const json::value& value) { return Writer(2).text(value) + '\n'; }

json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
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
