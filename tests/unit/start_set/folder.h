// A folder of a test's own, by the name that the kernel has for it.
#pragma once

#include <filesystem>
#include <string>

#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::start_set {

class FolderOfATest {
 public:
  [[nodiscard]] const std::string& path() const { return path_; }

  // Makes a file, and the folders that it lies in; `name` is below this one.
  std::string file(const std::string& name) const {
    const std::filesystem::path path = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(path.parent_path());
    os::replace_text(path, "x");
    return path;
  }

 private:
  TemporaryDirectory scratch_{"coldload-folders"};
  std::string path_ = std::filesystem::canonical(scratch_.path()).string();
};

}  // namespace coldload::start_set
