#include "model/file_tree.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::model {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTreeTest : public ::testing::Test {
 protected:
  void file(const std::string& name) const {
    const std::filesystem::path path = folder_.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    os::replace_text(path, "x");
  }

  TemporaryDirectory folder_{"coldload-tree"};
};

TEST_F(FileTreeTest, IsListedByNameWithWhatLiesInFolders) {
  for (const char* const name : {"b", "a/c/d", "a/b", ".hidden", ".git/x"}) file(name);
  const FileTree tree = list_tree(folder_.path());
  EXPECT_THAT(tree.names, ElementsAre("a/b", "a/c/d", "b"));
  EXPECT_TRUE(tree.remarks.empty());
}

// In the order of a directory, folders come between files.
TEST_F(FileTreeTest, WhatLiesHigherUpComesFirstWhereThereIsTooMuch) {
  for (int i = 0; i < 20; ++i) {
    file("events" + std::to_string(i) + "/deep/x");
    file("events" + std::to_string(i) + "/y");
    file("shard" + std::to_string(i) + ".safetensors");
  }
  const FileTree tree = list_tree(folder_.path(), 45);
  EXPECT_EQ(tree.names.size(), 45U);
  EXPECT_THAT(tree.remarks, ElementsAre(HasSubstr("more than 45 files lie below")));
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(tree.names, Contains("shard" + std::to_string(i) + ".safetensors"));
  }
  EXPECT_THAT(list_tree(folder_.path(), 40).names, Not(Contains(HasSubstr("deep"))));
}

}  // namespace
}  // namespace coldload::model
