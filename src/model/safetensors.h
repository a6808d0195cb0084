// The header of one safetensors file: which tensors it holds, and proof that they cover its data
// exactly.
//
// Format (https://huggingface.co/docs/safetensors): 8 bytes little-endian N, N bytes of JSON that
// begin with '{' and may end in blanks, then the data; data_offsets count from the data's start.
// What is accepted is what the safetensors library accepts, less what it lets pass by accident:
// duplicate tensor names, blanks before the '{', a tensor written as an array.
//
// Layer: model. May include os/, text/. Knows nothing of directories or storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/dtype.h"
#include "os/fd.h"

namespace coldload::model {

// The library's own limit on N.
inline constexpr std::uint64_t k_max_header_bytes = 100'000'000;

// One tensor; its name and shape lie in the header that holds it.
struct Tensor {
  std::uint64_t begin = 0;  // bytes from the start of the data
  std::uint64_t end = 0;
  std::uint32_t name_offset = 0;
  std::uint32_t name_bytes = 0;
  std::uint32_t shape_offset = 0;
  std::uint32_t rank = 0;
  Dtype dtype = Dtype::u8;

  [[nodiscard]] std::uint64_t bytes() const { return end - begin; }
};

// A validated header. Tensors are in the order of their data and leave no gap. Takes about
// 40 bytes a tensor beside the text of the names, and never more than the header's own size for
// names and shapes together.
class ShardHeader {
 public:
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t data_begin() const { return header_bytes_ + sizeof(std::uint64_t); }
  [[nodiscard]] std::uint64_t data_bytes() const { return data_bytes_; }

  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  // Lives as long as the header.
  [[nodiscard]] std::string_view name(const Tensor& tensor) const {
    return std::string_view(names_).substr(tensor.name_offset, tensor.name_bytes);
  }
  // Empty for a scalar.
  [[nodiscard]] std::vector<std::uint64_t> shape(const Tensor& tensor) const;

 private:
  friend class HeaderBuilder;

  std::string path_;
  std::uint64_t header_bytes_ = 0;  // N: the JSON with its padding
  std::uint64_t data_bytes_ = 0;
  std::vector<Tensor> tensors_;
  std::string names_;                 // every name, one after the other
  std::vector<std::uint8_t> shapes_;  // every dimension as LEB128: a byte for a dimension below 128
};

// Reads and validates the header of an open file. Throws os::Error that names the file, the tensor
// and what is wrong with it; os::SystemError if reading fails. Reads the header in pieces of
// `piece_bytes` (1 byte at least), so that its text is never in memory as a whole.
[[nodiscard]] ShardHeader read_shard_header(const os::Fd& file,
                                            std::size_t piece_bytes = std::size_t{1} << 20);

}  // namespace coldload::model
