#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <span>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "model/header_builder.h"
#include "os/error.h"

namespace coldload::model {

namespace {

// serde_json, the library's parser, allows this many levels.
constexpr std::size_t k_max_header_depth = 127;

std::uint64_t read_header_length(const os::Fd& file, std::uint64_t file_bytes) {
  std::array<std::byte, sizeof(std::uint64_t)> raw{};
  if (os::pread_full(file, raw, 0) != raw.size()) {
    throw os::Error(
        fmt::format("cannot use {}: it holds {} bytes, too few for a safetensors header",
                    file.path(), file_bytes));
  }
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    constexpr unsigned k_byte_bits = 8;
    length |= std::to_integer<std::uint64_t>(raw[i]) << (i * k_byte_bits);
  }
  if (length > k_max_header_bytes) {
    throw os::Error(
        fmt::format("cannot use {}: it claims a safetensors header of {} bytes, more than "
                    "the format's limit of {}: probably not a safetensors file",
                    file.path(), length, k_max_header_bytes));
  }
  if (file_bytes < raw.size() || length > file_bytes - raw.size()) {
    throw os::Error(
        fmt::format("cannot use {}: it claims a safetensors header of {} bytes, but the "
                    "file is only {} bytes long",
                    file.path(), length, file_bytes));
  }
  return length;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Feeds the parser piece by piece.
class HeaderReader {
 public:
  HeaderReader(const os::Fd& file, std::uint64_t length, std::uint64_t data_bytes)
      : length_(length), parser_(options(), file.path(), length, data_bytes) {}

  void write(std::string_view piece) {
    HeaderBuilder& builder = parser_.handler();
    if (position_ == 0 && piece[0] != '{') builder.fail("does not begin with '{'");
    std::size_t used = 0;
    if (!parser_.done()) {
      boost::json::error_code code;
      used = parser_.write_some(true, piece.data(), piece.size(), code);
      if (code) fail(code, position_ + used);
    }
    if (!is_blank(piece.substr(used))) {
      builder.fail(
          fmt::format("holds more than blanks after its JSON, at byte {}", position_ + used));
    }
    position_ += piece.size();
  }

  ShardHeader finish() {
    if (!parser_.done()) parser_.handler().fail("is not JSON: it ends in the middle of its object");
    return parser_.handler().finish();
  }

 private:
  static boost::json::parse_options options() {
    boost::json::parse_options options;
    options.max_depth = k_max_header_depth;
    return options;
  }

  [[noreturn]] void fail(const boost::json::error_code& code, std::uint64_t at) {
    parser_.handler().fail(
        fmt::format("is not valid JSON: {} near byte {} of {}", code.message(), at, length_));
  }

  std::uint64_t length_;
  std::uint64_t position_ = 0;
  boost::json::basic_parser<HeaderBuilder> parser_;
};

}  // namespace

std::vector<std::uint64_t> ShardHeader::shape(const Tensor& tensor) const {
  std::vector<std::uint64_t> shape;
  shape.reserve(tensor.rank);
  std::size_t at = tensor.shape_offset;
  for (std::uint32_t i = 0; i < tensor.rank; ++i) {
    constexpr unsigned k_low_bits = 0x7F;
    std::uint64_t value = 0;
    unsigned shift = 0;
    while (shapes_[at] > k_low_bits) {
      value |= static_cast<std::uint64_t>(shapes_[at++] & k_low_bits) << shift;
      shift += 7;
    }
    shape.push_back(value | static_cast<std::uint64_t>(shapes_[at++]) << shift);
  }
  return shape;
}

ShardHeader read_shard_header(const os::Fd& file, std::size_t piece_bytes) {
  const std::uint64_t file_bytes = os::file_size(file);
  const std::uint64_t length = read_header_length(file, file_bytes);
  constexpr std::uint64_t k_length_bytes = sizeof(std::uint64_t);
  HeaderReader reader(file, length, file_bytes - k_length_bytes - length);
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(length, piece_bytes)), '\0');
  for (std::uint64_t done = 0; done < length;) {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length - done));
    const auto piece = std::as_writable_bytes(std::span(buffer.data(), want));
    if (os::pread_full(file, piece, k_length_bytes + done) != want) {
      throw os::Error(
          fmt::format("cannot use {}: it became shorter while it was read", file.path()));
    }
    reader.write(std::string_view(buffer.data(), want));
    done += want;
  }
  return reader.finish();
}

}  // namespace coldload::model
