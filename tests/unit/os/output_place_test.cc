#include "os/output_place.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/error.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

namespace fs = std::filesystem;

constexpr uid_t k_somebody = 65534;

TEST(OutputPlaceTest, TakesALinkToADirectoryHoweverItIsWritten) {
  const TemporaryDirectory scratch("directory-test");
  const std::string path = scratch.path();
  fs::create_directories(path + "/real/sub");
  for (const char* target : {"real/", "real/.", "./real//", "real/sub/.."}) {
    fs::create_symlink(target, path + "/link");
    for (const char* end : {"", "/", "/."}) {
      const Directory found = output_directory(path + "/link" + end);
      EXPECT_TRUE(fs::equivalent(found.path(), path + "/real")) << target << end;
    }
    fs::remove(path + "/link");
  }
}

TEST(OutputPlaceTest, FollowsLinksOfThisUserAndOfNobodyElse) {
  const TemporaryDirectory scratch("directory-test");
  const std::string path = scratch.path();
  fs::create_directory(path + "/sub");
  fs::create_symlink("two", path + "/one");
  fs::create_symlink("sub/file", path + "/two");
  const OutputPlace place = output_place(path + "/one");
  EXPECT_EQ(place.name, "file");
  EXPECT_TRUE(fs::equivalent(place.directory.path(), path + "/sub"));
  fs::create_symlink("loop", path + "/loop");
  EXPECT_THROW((void)output_place(path + "/loop"), SystemError);
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a link somebody else's";
  ASSERT_EQ(::lchown((path + "/two").c_str(), k_somebody, k_somebody), 0);
  EXPECT_THROW((void)output_place(path + "/one"), Error);
}

}  // namespace
}  // namespace coldload::os
