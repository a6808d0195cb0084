// Small safetensors files with known bytes, for the tests of what loads them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/fd.h"

namespace coldload::api {

struct FileTensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t bytes = 0;
};

// A folder of its own, removed at the end. /var/tmp: /tmp may be a tmpfs.
class CheckpointFiles {
 public:
  CheckpointFiles() {
    std::string name = "/var/tmp/coldload-api-test.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch");
    path_ = name;
  }
  ~CheckpointFiles() { std::filesystem::remove_all(path_); }
  CheckpointFiles(const CheckpointFiles&) = delete;
  CheckpointFiles& operator=(const CheckpointFiles&) = delete;

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
    std::string text(8, '\0');
    for (unsigned i = 0; i < 8; ++i) text[i] = static_cast<char>(header.size() >> (8 * i));
    text += header;
    std::mt19937_64 random(at);
    std::vector<std::uint64_t> words(at / 8 + 1);
    for (std::uint64_t& word : words) word = random();
    text.append(reinterpret_cast<const char*>(words.data()), at);
    const std::string path = path_ / name;
    os::write_full(os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), text);
    return path;
  }

  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace coldload::api
