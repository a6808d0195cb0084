#include "records/json_values.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::records {

namespace {

// The nearest number of 15 significant digits: the parser reads such text back to the same bits,
// which it does not promise for 17 digits.
double with_15_digits(double number) {
  const std::string text = fmt::format("{:.15g}", number);
  double rounded = 0;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

}  // namespace

json::value to_value(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value to_value(std::optional<double> number) {
  if (!number || !std::isfinite(*number)) return nullptr;
  return with_15_digits(*number);
}

json::value to_value(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

json::value to_value(const json::object& object) {
  json::object out;
  for (const auto& entry : object) out[entry.key()] = to_value(entry.value());
  return out;
}

json::value to_value(const json::array& array) {
  json::array out;
  for (const json::value& entry : array) out.push_back(to_value(entry));
  return out;
}

json::value to_value(const json::value& value) {
  if (const auto* object = value.if_object()) return to_value(*object);
  if (const auto* array = value.if_array()) return to_value(*array);
  if (const auto* number = value.if_double()) return to_value(*number);
  return value;
}

json::value to_value(const std::map<std::string, double>& numbers) {
  json::object out;
  for (const auto& [key, number] : numbers) out[key] = to_value(number);
  return out;
}

void from_value(json::value&& value, std::string* text) {
  if (!value.is_string()) throw os::Error("is not text");
  text->assign(value.get_string().data(), value.get_string().size());
}

void from_value(json::value&& value, double* number) {
  if (!value.is_number()) throw os::Error("is not a number");
  const auto read = value.to_number<double>();
  if (!std::isfinite(read) || read < 0) throw os::Error("is not a number from 0 on");
  constexpr double k_most = 1e18;  // no time, rate or price is that large, and sums stay finite
  if (read > k_most) throw os::Error("is larger than anything that is measured");
  *number = read;
}

void from_value(json::value&& value, std::uint64_t* count) {
  json::error_code problem;
  const auto read = value.is_double() ? 0 : value.to_number<std::uint64_t>(problem);
  if (problem || !value.is_number() || value.is_double()) {
    throw os::Error("is not a whole number from 0 on");
  }
  *count = read;
}

void from_value(json::value&& value, unsigned* count) {
  std::uint64_t read = 0;
  from_value(std::move(value), &read);
  if (read > std::numeric_limits<unsigned>::max()) throw os::Error("is too large");
  *count = static_cast<unsigned>(read);
}

void from_value(json::value&& value, bool* truth) {
  if (!value.is_bool()) throw os::Error("is not true or false");
  *truth = value.get_bool();
}

json::object& object_in(json::value& value) {
  if (!value.is_object()) throw os::Error("is not an object");
  return value.get_object();
}

json::array& array_in(json::value& value) {
  if (!value.is_array()) throw os::Error("is not a list");
  return value.get_array();
}

void from_value(json::value&& value, json::object* object) {
  *object = std::move(object_in(value));
}

void from_value(json::value&& value, json::array* array) { *array = std::move(array_in(value)); }

void from_value(json::value&& value, std::map<std::string, double>* numbers) {
  for (auto& entry : object_in(value))
    from_value(std::move(entry.value()), &(*numbers)[entry.key()]);
}

}  // namespace coldload::records
