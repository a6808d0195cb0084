#include "os/path.h"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "os/error.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

TEST(IsBelow, GoesByWholeNames) {
  EXPECT_TRUE(is_below("/a/b", "/a"));
  EXPECT_TRUE(is_below("/a", "/a"));
  EXPECT_TRUE(is_below("/a", "/"));
  EXPECT_TRUE(is_below("/", "/"));
  EXPECT_FALSE(is_below("/ab", "/a"));
  EXPECT_FALSE(is_below("/a", "/a/b"));
  EXPECT_FALSE(is_below("/b/a", "/a"));
}

TEST(FindProgram, GivesTheFirstInPathThatCanBeRun) {
  const TemporaryDirectory folder("path-test");
  const char* const search = std::getenv("PATH");
  const std::string before = search == nullptr ? "" : search;
  for (const char* name : {"/first", "/second"}) {
    std::filesystem::create_directory(folder.path() + name);
  }
  replace_text(folder.path() + "/first/tool", "no program");
  std::filesystem::create_symlink("/bin/sh", folder.path() + "/second/tool");
  ::setenv("PATH", (folder.path() + "/first:" + folder.path() + "/second").c_str(), 1);
  const std::string found = find_program("tool");
  const std::string none = find_program("another");
  ::setenv("PATH", before.c_str(), 1);
  EXPECT_EQ(found, folder.path() + "/second/tool");
  EXPECT_EQ(none, "");
}

TEST(ForEachName, GoesThroughADirectoryUntilToldToStop) {
  const TemporaryDirectory folder("path-test");
  for (const char* name : {"/a", "/.b", "/..c"}) replace_text(folder.path() + name, "");
  std::set<std::string> names;
  EXPECT_TRUE(for_each_name(folder.path(), [&](const char* name) {
    names.emplace(name);
    return true;
  }));
  EXPECT_EQ(names, (std::set<std::string>{"a", ".b", "..c"}));
  int calls = 0;
  EXPECT_TRUE(for_each_name(folder.path(), [&](const char*) { return ++calls < 2; }));
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(for_each_name(folder.path() + "/none", [](const char*) { return true; }));
}

TEST(RealPath, FollowsEveryLink) {
  const TemporaryDirectory folder("path-test");
  const std::string real = std::filesystem::canonical(folder.path());
  std::filesystem::create_directory_symlink(real, real + "/link");
  EXPECT_EQ(real_path(real + "/link/./link/.."), std::filesystem::path(real).parent_path());
}

TEST(RealPath, SaysWhatCouldNotBeDone) {
  try {
    (void)real_path("/no/such/path", "show");
    FAIL() << "it was found";
  } catch (const SystemError& error) {
    EXPECT_STREQ(error.what(), "cannot show /no/such/path: No such file or directory");
  }
}

}  // namespace
}  // namespace coldload::os
