#include "model/safetensors.h"

#include <span>

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include "model/header_parser.h"
#include "os/error.h"

namespace coldload::model {

namespace {

std::uint64_t read_header_length(const os::Fd& file, std::uint64_t file_bytes) {
  std::uint64_t length = 0;
  if (os::pread_full(file, std::as_writable_bytes(std::span(&length, 1)), 0) != sizeof(length)) {
    throw os::Error(
        fmt::format("cannot use {}: it holds {} bytes, too few for a safetensors header",
                    file.path(), file_bytes));
  }
  boost::endian::little_to_native_inplace(length);
  if (length > k_max_header_bytes) {
    throw os::Error(
        fmt::format("cannot use {}: it claims a safetensors header of {} bytes, more than "
                    "the format's limit of {}: probably not a safetensors file",
                    file.path(), length, k_max_header_bytes));
  }
  if (file_bytes < sizeof(length) || length > file_bytes - sizeof(length)) {
    throw os::Error(
        fmt::format("cannot use {}: it claims a safetensors header of {} bytes, but the "
                    "file is only {} bytes long",
                    file.path(), length, file_bytes));
  }
  return length;
}

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
  return parse_header(file, length, file_bytes - sizeof(std::uint64_t) - length, piece_bytes);
}

}  // namespace coldload::model
