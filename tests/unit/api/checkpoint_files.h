// Small safetensors files with known bytes, for the tests of what loads them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "unit/model/scratch.h"

namespace coldload::api {

struct FileTensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t bytes = 0;
};

class CheckpointFiles {
 public:
  // Of random bytes. `odd`: the data begins at an odd offset, as old writers had it.
  std::string write(const std::string& name, const std::vector<FileTensor>& tensors,
                    bool odd = false) {
    std::string header = "{";
    std::uint64_t at = 0;
    for (const FileTensor& tensor : tensors) {
      header += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                            at == 0 && header.size() == 1 ? "" : ",", tensor.name, tensor.dtype,
                            fmt::join(tensor.shape, ","), at, at + tensor.bytes);
      at += tensor.bytes;
    }
    header += '}';
    while (header.size() % 8 != (odd ? 1 : 0)) header += ' ';
    std::string text = model::safetensors(header);
    std::mt19937_64 random(at);
    std::vector<std::uint64_t> words(at / 8 + 1);
    for (std::uint64_t& word : words) word = random();
    text.append(reinterpret_cast<const char*>(words.data()), at);
    return scratch_.write(name, text);
  }

 private:
  model::Scratch scratch_;
};

}  // namespace coldload::api
