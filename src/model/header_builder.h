// Builds a ShardHeader from the events of a JSON parser, refusing at once what no header may hold.
//
// Layer: model. May include os/, text/. Knows nothing of files: it is given a path for messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/error.hpp>
#include <boost/json/string_view.hpp>

#include "model/safetensors.h"

namespace coldload::model {

// The Handler of boost::json::basic_parser. Its calls throw os::Error for a bad header.
class HeaderBuilder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  HeaderBuilder(std::string path, std::uint64_t header_bytes, std::uint64_t data_bytes);

  // Checks what only all tensors together show (duplicates, gaps, overlaps, the end of the data).
  [[nodiscard]] ShardHeader finish();

  // Throws: "cannot use PATH: its safetensors header <cause>".
  [[noreturn]] void fail(std::string_view cause) const;

  using Code = boost::json::error_code;
  using Text = boost::json::string_view;
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&);
  bool on_object_end(std::size_t, Code&);
  bool on_array_begin(Code&);
  bool on_array_end(std::size_t, Code&);
  bool on_key_part(Text text, std::size_t, Code&);
  bool on_key(Text text, std::size_t, Code&);
  bool on_string_part(Text text, std::size_t, Code&);
  bool on_string(Text text, std::size_t, Code&);
  bool on_number_part(Text text, Code&);
  bool on_int64(std::int64_t value, Text text, Code&);
  bool on_uint64(std::uint64_t value, Text, Code&);
  bool on_double(double, Text, Code&);
  bool on_bool(bool, Code&);
  bool on_null(Code&);
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  // What holds the value that comes next.
  enum class Place { document, header, metadata, tensor, shape, offsets };
  enum class Field { dtype, shape, offsets, unknown };

  [[noreturn]] void fail_tensor(std::string_view cause) const;
  [[noreturn]] void fail_tensor(const Tensor& tensor, std::string_view cause) const;
  [[noreturn]] void fail_value(std::string_view found) const;
  // For a value that is no container and no string. `found` is its kind, for the message.
  bool scalar(std::string_view found);
  void number(std::uint64_t value);
  void end_name();
  void end_field_name();
  void end_tensor();
  void order_by_data();

  ShardHeader header_;
  Place place_ = Place::document;
  std::uint32_t skipped_depth_ = 0;  // > 0: inside the value of an unknown field
  bool value_is_metadata_ = false;
  bool metadata_seen_ = false;
  bool negative_ = false;  // the number that is being read in parts began with '-'
  std::string word_;       // the field name or dtype that is being read, cut when long
  Field field_ = Field::unknown;
  Tensor tensor_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  unsigned offsets_seen_ = 0;
  bool has_offsets_ = false;
  std::uint64_t elements_ = 1;
  bool elements_overflow_ = false;
};

}  // namespace coldload::model
