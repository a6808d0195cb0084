// Golden files: what the output was when somebody last looked at it.
//
// `UPDATE_GOLDEN=1 <test program>` writes them anew; read the difference before committing it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "os/file.h"
#include "unit/source_folder.h"

namespace coldload::golden {

// Holds `text` against tests/golden/`name`.
inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(k_source_folder) + "/tests/golden/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    os::replace_text(path, text);
    return;
  }
  ASSERT_TRUE(std::filesystem::exists(path)) << path << ": UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(os::read_text(path), text) << path << ": if this is meant, UPDATE_GOLDEN=1 writes it";
}

}  // namespace coldload::golden
