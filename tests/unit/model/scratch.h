// Files and headers for the tests of model/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "unit/temporary_directory.h"

namespace coldload::model {

// A safetensors file's bytes: length, header, data.
inline std::string safetensors(std::string_view header, std::size_t data_bytes,
                               std::uint64_t length) {
  std::string file;
  for (unsigned i = 0; i < 8; ++i) file += static_cast<char>(length >> (8 * i) & 0xFFU);
  return file.append(header).append(data_bytes, 'x');
}

inline std::string safetensors(std::string_view header, std::size_t data_bytes = 0) {
  return safetensors(header, data_bytes, header.size());
}

// One valid tensor "w" of 4 bytes.
inline std::string one_tensor() {
  return safetensors(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
}

// A directory to put files into.
class Scratch {
 public:
  [[nodiscard]] std::string path(const std::string& name = "") const {
    return name.empty() ? directory_.path() : directory_.path() + '/' + name;
  }

  std::string write(const std::string& name, const std::string& content) const {
    ::unlink(path(name).c_str());
    os::write_full(os::open_file(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644), content);
    return path(name);
  }

  void link(const std::string& target, const std::string& name) const {
    EXPECT_EQ(::symlink(target.c_str(), path(name).c_str()), 0);
  }

  void make_directory(const std::string& name) const {
    EXPECT_EQ(::mkdir(path(name).c_str(), 0755), 0);
  }

 private:
  TemporaryDirectory directory_{"coldload-model-test"};
};

// The message of the os::Error that `call` throws; empty, and a failure, if it throws none.
template <typename Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const os::Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace coldload::model
