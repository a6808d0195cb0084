// What ranks tell each other, as JSON: structs whose BOOST_DESCRIBE_STRUCT says which members they
// have.
//
// Layer: herd. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "os/error.h"
#include "records/json_members.h"
#include "text/json.h"

namespace coldload::herd {

template <records::Described T>
[[nodiscard]] std::string to_message(const T& object) {
  return text::to_line(records::to_value(object));
}

// Throws os::Error for what is none.
template <records::Described T>
[[nodiscard]] T from_message(const std::string& message) {
  std::string error;
  std::optional<text::json::value> value = text::parse_json(message, &error);
  if (!value) throw os::Error("another rank's message cannot be read: " + error);
  T object;
  records::from_value(*std::move(value), &object);
  return object;
}

}  // namespace coldload::herd
