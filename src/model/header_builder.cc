#include "model/header_builder.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "model/name_table.h"
#include "os/error.h"
#include "os/mapping.h"
#include "text/quote.h"

namespace coldload::model {

namespace {

constexpr std::string_view k_metadata = "__metadata__";
// Longer than any field or dtype: what is longer is none, and need not be kept.
constexpr std::size_t k_word_limit = 32;
constexpr std::uint64_t k_large_header_bytes = std::uint64_t{16} << 20;

void append_word(std::string* word, boost::json::string_view text) {
  word->append(text.data(),
               std::min(text.size(), k_word_limit - std::min(k_word_limit, word->size())));
}

}  // namespace

HeaderBuilder::HeaderBuilder(std::string path, std::uint64_t header_bytes,
                             std::uint64_t data_bytes) {
  header_.path_ = std::move(path);
  header_.header_bytes_ = header_bytes;
  header_.data_bytes_ = data_bytes;
  // No copying while they grow, and no memory used before it is written to. The shortest entry,
  // `"":{"dtype":"U8","shape":[],"data_offsets":[0,0]},`, takes 50 bytes.
  constexpr std::uint64_t k_shortest_entry_bytes = 50;
  header_.names_.reserve(static_cast<std::size_t>(header_bytes));
  header_.shapes_.reserve(static_cast<std::size_t>(header_bytes / 2));
  header_.tensors_.reserve(static_cast<std::size_t>(header_bytes / k_shortest_entry_bytes) + 1);
  if (header_bytes < k_large_header_bytes) return;
  os::prefer_huge_pages(std::as_writable_bytes(
      std::span(header_.names_.data(), static_cast<std::size_t>(header_bytes))));
  os::prefer_huge_pages(
      std::as_writable_bytes(std::span(header_.tensors_.data(), header_.tensors_.capacity())));
}

void HeaderBuilder::fail(std::string_view cause) const {
  throw os::Error(fmt::format("cannot use {}: its safetensors header {}", header_.path_, cause));
}

void HeaderBuilder::fail_tensor(const Tensor& tensor, std::string_view cause) const {
  throw os::Error(fmt::format("cannot use {}: tensor {} {}", header_.path_,
                              text::quoted(header_.name(tensor)), cause));
}

void HeaderBuilder::fail_tensor(std::string_view cause) const { fail_tensor(tensor_, cause); }

void HeaderBuilder::fail_value(std::string_view found) const {
  switch (place_) {
    case Place::document:
      fail(fmt::format("is {}, not an object", found));
    case Place::header:
      if (value_is_metadata_)
        fail(fmt::format("has a __metadata__ that is {}, not an object", found));
      fail_tensor(fmt::format("is {}, not an object", found));
    case Place::metadata:
      fail(fmt::format("has {} in __metadata__, where every value must be a string", found));
    case Place::tensor:
      fail_tensor(fmt::format("has {} as its {}", found,
                              field_ == Field::dtype   ? "dtype"
                              : field_ == Field::shape ? "shape"
                                                       : "data_offsets"));
    case Place::shape:
      fail_tensor(fmt::format(
          "has {} in its shape, where only whole numbers from 0 to 2^64-1 may be", found));
    case Place::offsets:
      fail_tensor(fmt::format(
          "has {} in its data_offsets, where only whole numbers from 0 to 2^64-1 may be", found));
  }
  fail("cannot be read");
}

bool HeaderBuilder::on_object_begin(Code&) {
  if (skipped_depth_ > 0) {
    ++skipped_depth_;
    return true;
  }
  switch (place_) {
    case Place::document:
      place_ = Place::header;
      return true;
    case Place::header:
      place_ = value_is_metadata_ ? Place::metadata : Place::tensor;
      word_.clear();
      return true;
    case Place::tensor:
      if (field_ != Field::unknown) fail_value("an object");
      skipped_depth_ = 1;
      return true;
    default:
      fail_value("an object");
  }
}

bool HeaderBuilder::on_object_end(std::size_t, Code&) {
  if (skipped_depth_ > 0) {
    --skipped_depth_;
    return true;
  }
  if (place_ == Place::tensor) end_tensor();
  place_ = place_ == Place::header ? Place::document : Place::header;
  return true;
}

bool HeaderBuilder::on_array_begin(Code&) {
  if (skipped_depth_ > 0) {
    ++skipped_depth_;
    return true;
  }
  if (place_ != Place::tensor || field_ == Field::dtype) fail_value("an array");
  switch (field_) {
    case Field::shape:
      place_ = Place::shape;
      return true;
    case Field::offsets:
      place_ = Place::offsets;
      return true;
    default:
      skipped_depth_ = 1;
      return true;
  }
}

bool HeaderBuilder::on_array_end(std::size_t, Code&) {
  if (skipped_depth_ > 0) {
    --skipped_depth_;
    return true;
  }
  if (place_ == Place::offsets && offsets_seen_ != 2) {
    fail_tensor(fmt::format("has {} data_offsets, not 2", offsets_seen_));
  }
  place_ = Place::tensor;
  return true;
}

bool HeaderBuilder::on_key_part(Text text, std::size_t, Code&) {
  if (skipped_depth_ > 0) return true;
  if (place_ == Place::header) header_.names_.append(text.data(), text.size());
  if (place_ == Place::tensor) append_word(&word_, text);
  return true;
}

bool HeaderBuilder::on_key(Text text, std::size_t size, Code& code) {
  on_key_part(text, size, code);
  if (skipped_depth_ > 0) return true;
  if (place_ == Place::header) end_name();
  if (place_ == Place::tensor) end_field_name();
  return true;
}

void HeaderBuilder::end_name() {
  const std::size_t begin = tensor_.name_offset + tensor_.name_bytes;
  const std::string_view name = std::string_view(header_.names_).substr(begin);
  value_is_metadata_ = name == k_metadata;
  if (value_is_metadata_) {
    if (metadata_seen_) fail("has two __metadata__");
    metadata_seen_ = true;
    header_.names_.resize(begin);
    return;
  }
  // A header's size fits 32 bits, and so do all offsets into it.
  tensor_ = Tensor{};
  tensor_.name_offset = static_cast<std::uint32_t>(begin);
  tensor_.name_bytes = static_cast<std::uint32_t>(name.size());
  tensor_.shape_offset = static_cast<std::uint32_t>(header_.shapes_.size());
  has_dtype_ = has_shape_ = has_offsets_ = elements_overflow_ = false;
  offsets_seen_ = 0;
  elements_ = 1;
}

void HeaderBuilder::end_field_name() {
  bool* seen = nullptr;
  // A million times three: compared by size first, as std::string with a literal is not.
  const std::string_view word = word_;
  if (word == std::string_view("dtype")) {
    field_ = Field::dtype;
    seen = &has_dtype_;
  } else if (word == std::string_view("shape")) {
    field_ = Field::shape;
    seen = &has_shape_;
  } else if (word == std::string_view("data_offsets")) {
    field_ = Field::offsets;
    seen = &has_offsets_;
  } else {
    field_ = Field::unknown;
  }
  if (seen != nullptr && std::exchange(*seen, true)) {
    fail_tensor(fmt::format("has two fields {}", word_));
  }
  word_.clear();
}

bool HeaderBuilder::on_string_part(Text text, std::size_t, Code&) {
  if (skipped_depth_ > 0 || place_ == Place::metadata) return true;
  if (place_ != Place::tensor) fail_value("a string");
  if (field_ == Field::unknown) return true;
  if (field_ != Field::dtype) fail_value("a string");
  append_word(&word_, text);
  return true;
}

bool HeaderBuilder::on_string(Text text, std::size_t size, Code& code) {
  on_string_part(text, size, code);
  if (skipped_depth_ > 0 || place_ == Place::metadata || field_ == Field::unknown) return true;
  const auto dtype = parse_dtype(word_);
  if (!dtype) {
    fail_tensor(fmt::format("has a dtype that safetensors does not know, {}", text::quoted(word_)));
  }
  tensor_.dtype = *dtype;
  word_.clear();
  return true;
}

bool HeaderBuilder::on_number_part(Text text, Code&) {
  negative_ = negative_ || (!text.empty() && text[0] == '-');
  return true;
}

bool HeaderBuilder::on_int64(std::int64_t value, Text text, Code& code) {
  on_number_part(text, code);
  // "-0" is refused too: it is no unsigned number for the library either.
  if (std::exchange(negative_, false)) return scalar("a negative number");
  return on_uint64(static_cast<std::uint64_t>(value), text, code);
}

bool HeaderBuilder::on_uint64(std::uint64_t value, Text, Code&) {
  negative_ = false;
  if (skipped_depth_ == 0 && (place_ == Place::shape || place_ == Place::offsets)) {
    number(value);
    return true;
  }
  return scalar("a number");
}

bool HeaderBuilder::on_double(double, Text, Code&) {
  negative_ = false;
  return scalar("a number that is fractional or too large");
}

bool HeaderBuilder::on_bool(bool, Code&) { return scalar("a boolean"); }

bool HeaderBuilder::on_null(Code&) {
  // The library reads it as "no metadata".
  if (place_ == Place::header && value_is_metadata_) return true;
  return scalar("null");
}

bool HeaderBuilder::scalar(std::string_view found) {
  if (skipped_depth_ > 0 || (place_ == Place::tensor && field_ == Field::unknown)) return true;
  fail_value(found);
}

void HeaderBuilder::number(std::uint64_t value) {
  if (place_ == Place::offsets) {
    if (offsets_seen_ == 0) tensor_.begin = value;
    if (offsets_seen_ == 1) tensor_.end = value;
    if (++offsets_seen_ > 2) fail_tensor("has more than 2 data_offsets");
    return;
  }
  ++tensor_.rank;
  elements_overflow_ = elements_overflow_ || __builtin_mul_overflow(elements_, value, &elements_);
  constexpr unsigned k_low_bits = 0x7F;
  constexpr unsigned k_more = 0x80;
  while (value > k_low_bits) {
    header_.shapes_.push_back(static_cast<std::uint8_t>((value & k_low_bits) | k_more));
    value >>= 7U;
  }
  header_.shapes_.push_back(static_cast<std::uint8_t>(value));
}

void HeaderBuilder::end_tensor() {
  if (!has_dtype_) fail_tensor("has no dtype");
  if (!has_shape_) fail_tensor("has no shape");
  if (!has_offsets_) fail_tensor("has no data_offsets");
  if (tensor_.begin > tensor_.end) {
    fail_tensor(fmt::format("has data_offsets [{}, {}] that end before they begin", tensor_.begin,
                            tensor_.end));
  }
  std::uint64_t bits = 0;
  if (elements_overflow_ || __builtin_mul_overflow(elements_, bits_of(tensor_.dtype), &bits)) {
    fail_tensor("has a shape whose size overflows 64 bits");
  }
  constexpr unsigned k_byte_bits = 8;
  if (bits % k_byte_bits != 0) {
    fail_tensor(fmt::format("has {} elements of {}, which do not fill whole bytes", elements_,
                            name_of(tensor_.dtype)));
  }
  if (tensor_.bytes() != bits / k_byte_bits) {
    fail_tensor(fmt::format(
        "needs {} bytes by its dtype {} and its shape, but data_offsets [{}, {}] "
        "give {}",
        bits / k_byte_bits, name_of(tensor_.dtype), tensor_.begin, tensor_.end, tensor_.bytes()));
  }
  if (tensor_.end > header_.data_bytes_) {
    fail_tensor(
        fmt::format("ends at byte {} of the data, but the file holds only {} bytes of data: "
                    "it is cut short or the header is wrong",
                    tensor_.end, header_.data_bytes_));
  }
  header_.tensors_.push_back(tensor_);
}

ShardHeader HeaderBuilder::finish() {
  if (const Tensor* twin = NameTable(header_).twin(); twin != nullptr) {
    fail_tensor(*twin, "is there twice");
  }
  order_by_data();
  std::uint64_t covered = 0;
  for (const Tensor& tensor : header_.tensors_) {
    if (tensor.begin != covered) {
      fail_tensor(tensor, fmt::format("begins at byte {} of the data, where byte {} is due: {}",
                                      tensor.begin, covered,
                                      tensor.begin < covered ? "it overlaps the tensor before it"
                                                             : "no tensor owns the bytes between"));
    }
    covered = tensor.end;
  }
  if (covered != header_.data_bytes_) {
    fail(
        fmt::format("describes {} bytes of data, but {} follow it: the file holds bytes after the "
                    "last tensor",
                    covered, header_.data_bytes_));
  }
  // Many small headers should not keep what they reserved; a large one only reserved address space,
  // and shrinking would copy it.
  if (header_.header_bytes_ < k_large_header_bytes) {
    header_.names_.shrink_to_fit();
    header_.shapes_.shrink_to_fit();
    header_.tensors_.shrink_to_fit();
  }
  return std::move(header_);
}

void HeaderBuilder::order_by_data() {
  const auto before = [](const Tensor& a, const Tensor& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  };
  std::vector<Tensor>& tensors = header_.tensors_;
  if (!std::is_sorted(tensors.begin(), tensors.end(), before)) {
    std::sort(tensors.begin(), tensors.end(), before);
  }
}

}  // namespace coldload::model
