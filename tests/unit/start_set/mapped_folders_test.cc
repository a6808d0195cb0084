#include "start_set/mapped_folders.h"

#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "unit/start_set/folder.h"
#include "unit/start_set/shell.h"

namespace coldload::start_set {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

TEST(FolderOf, AFileOfPythonsIsAllOfPythonsFolder) {
  EXPECT_EQ(folder_of("/v/lib/python3.12/site-packages/a/b/c.so"),
            (Folder{"/v/lib/python3.12", Taken::all_below}));
  EXPECT_EQ(folder_of("/v/site-packages/c.so"), (Folder{"/v/site-packages", Taken::all_below}));
  EXPECT_EQ(folder_of("/usr/lib/python3/dist-packages/c.so"),
            (Folder{"/usr/lib/python3/dist-packages", Taken::all_below}));
}

TEST(FolderOf, ALibraryThatAllShareIsNotAllLibraries) {
  for (const char* const file : {"/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld.so", "/bin/sh",
                                 "/usr/bin/python3", "/usr/share/a.mo"}) {
    EXPECT_FALSE(folder_of(file)) << file;
  }
  EXPECT_EQ(folder_of("/usr/library/a.so"), (Folder{"/usr/library", Taken::own}));
  EXPECT_EQ(folder_of("/opt/server/lib/a.so"), (Folder{"/opt/server/lib", Taken::own}));
}

class InAFolder : public ::testing::Test {
 protected:
  std::string file(const std::string& name) const { return scratch_.file(name); }

  const FolderOfATest scratch_;
  const std::string& folder_ = scratch_.path();
};

TEST_F(InAFolder, FilesAreThoseThatAreTakenAndNoLinks) {
  const std::string module = file("a.py");
  const std::string data = file("data");
  const std::string library = file("below/deeper/b.so.1");
  const std::string text = file("below/c.txt");
  fs::create_symlink(module, folder_ + "/link.py");
  fs::create_directory_symlink(folder_, folder_ + "/below/round");
  ASSERT_EQ(::mkfifo((folder_ + "/fifo.py").c_str(), 0600), 0);
  EXPECT_THAT(files_in({{folder_, Taken::own}}, 100), ElementsAre(module, data));
  EXPECT_THAT(files_in({{folder_, Taken::code_below}}, 100), ElementsAre(module, library));
  EXPECT_THAT(files_in({{folder_, Taken::all_below}}, 100),
              UnorderedElementsAre(module, data, library, text));
  EXPECT_EQ(files_in({{folder_, Taken::all_below}}, 3).size(), 3U);
  EXPECT_THAT(files_in({{folder_ + "/none", Taken::own}, {folder_, Taken::own}}, 100),
              ElementsAre(module, data));
}

TEST_F(InAFolder, DataOfAPackageIsOfItsCode) {
  const std::string package = file("lib/package/__init__.py");
  const std::string data = file("lib/package/tables/one.json");
  file("lib/one.json");
  EXPECT_THAT(files_in({{folder_, Taken::code_below}}, 100), ElementsAre(package, data));
}

TEST_F(InAFolder, WhatIsHeldIsWhatIsOpenOrMapped) {
  const std::string data = file("a b");
  Shell shell;
  shell.run("exec 3<'" + data + "'; exec 4</dev/null");
  const auto held = files_held_by({shell.pid()});
  EXPECT_THAT(held, Contains(data));
  EXPECT_THAT(held, Not(Contains("/dev/null")));
  EXPECT_THAT(held, Contains(fs::canonical("/bin/sh").string()));
  EXPECT_THAT(programs_of({shell.pid(), -1}), ElementsAre(fs::canonical("/bin/sh").string()));
}

}  // namespace
}  // namespace coldload::start_set
