// What the handlers of boost::json::basic_parser have in common here.
//
// Layer: model.
#pragma once

#include <cstddef>

#include <boost/json/error.hpp>
#include <boost/json/string_view.hpp>

namespace coldload::model {

// Sets no limits of the parser's own: a handler knows better which part is too large, and says so.
struct JsonHandler {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using Code = boost::json::error_code;
  using Text = boost::json::string_view;
};

}  // namespace coldload::model
