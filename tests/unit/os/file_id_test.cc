#include "os/file_id.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "os/fd.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

TEST(FileId, IsTheSameByEveryName) {
  const TemporaryDirectory folder("file-id-test");
  const std::string path = folder.path() + "/a";
  replace_text(path, "a");
  replace_text(folder.path() + "/b", "a");
  std::filesystem::create_hard_link(path, folder.path() + "/hard");
  std::filesystem::create_symlink(path, folder.path() + "/soft");
  const Fd file = open_regular(path);
  for (const std::string& name : {path, folder.path() + "/hard", folder.path() + "/soft",
                                  "/proc/self/fd/" + std::to_string(file.get())}) {
    EXPECT_EQ(file_id(name), file_id(file)) << name;
  }
  EXPECT_NE(file_id(folder.path() + "/b"), file_id(file));
  EXPECT_FALSE(file_id(folder.path() + "/none"));
}

TEST(FileId, IsAnothersWhereAFileTookItsPlace) {
  const TemporaryDirectory folder("file-id-test");
  const std::string path = folder.path() + "/a";
  replace_text(path, "a");
  const Fd before = open_regular(path);
  replace_text(path, "b");
  EXPECT_NE(file_id(path), file_id(before));
}

}  // namespace
}  // namespace coldload::os
