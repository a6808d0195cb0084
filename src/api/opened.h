// A checkpoint whose headers have been read: what tensors there are, and where each lies.
//
// Layer: api. May include os/, model/. Knows nothing of C or Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "model/dtype.h"

namespace coldload::api {

struct TensorFile {
  std::string path;
  std::uint64_t bytes = 0;
  timespec modified_at{};  // when its header was read
};

struct Tensor {
  std::string name;
  model::Dtype dtype = model::Dtype::u8;
  std::vector<std::uint64_t> shape;
  std::size_t file = 0;
  std::uint64_t begin = 0;  // in the file
  std::uint64_t end = 0;

  [[nodiscard]] std::uint64_t bytes() const { return end - begin; }
};

// Immutable once made.
struct Opened {
  std::vector<TensorFile> files;
  std::vector<Tensor> tensors;  // file by file, each in the order of its data
};

// A folder with safetensors, and perhaps an index that says which; or one file. Throws os::Error.
[[nodiscard]] std::shared_ptr<const Opened> open_path(const std::string& path);
// These files and no others.
[[nodiscard]] std::shared_ptr<const Opened> open_files(const std::vector<std::string>& paths);

}  // namespace coldload::api
