#include "os/path.h"

#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "os/error.h"
#include "os/file.h"

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
