// A folder on the disk for one test, and files in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/file.h"

namespace coldload::stage {

class Scratch : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::current_path() /
              ("stage-" + std::to_string(::getpid()) + "-" + test->name());
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string at(const std::string& name) const { return folder_ / name; }

  // Bytes that differ from place to place and from `salt` to `salt`.
  static std::string some_bytes(std::size_t count, unsigned salt = 0) {
    std::string bytes(count, '\0');
    std::uint64_t state = 0x9E3779B97F4A7C15U + salt;
    for (std::size_t offset = 0; offset < count; offset += sizeof state) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      std::memcpy(bytes.data() + offset, &state, std::min(sizeof state, count - offset));
    }
    return bytes;
  }

  std::string write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  [[nodiscard]] std::string read(const std::string& name) const {
    return os::read_text(folder_ / name, 1U << 30U);
  }

  std::filesystem::path folder_;
};

}  // namespace coldload::stage
