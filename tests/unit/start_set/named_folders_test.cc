#include "start_set/named_folders.h"

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
using ::testing::IsEmpty;

class WithNamedFolders : public ::testing::Test {
 protected:
  std::string file(const std::string& name) const { return scratch_.file(name); }

  const FolderOfATest scratch_;
  const std::string& folder_ = scratch_.path();
};

TEST_F(WithNamedFolders, WordsOfAProcessAreThoseOfProc) {
  const Shell shell({{"PYTHONPATH", "/one:/two"}}, {"sh", "-s", "a b"});
  ASSERT_EQ(fs::read_symlink("/proc/" + std::to_string(shell.pid()) + "/exe"),
            fs::canonical("/bin/sh"));
  const ProcessWords words = words_of(shell.pid());
  EXPECT_THAT(words.argv, ElementsAre("sh", "-s", "a b"));
  EXPECT_THAT(words.environment, Contains("PYTHONPATH=/one:/two"));
  EXPECT_EQ(words.folder, fs::current_path());
  EXPECT_EQ(words.program, fs::canonical("/bin/sh"));
  EXPECT_THAT(words_of(-1).argv, IsEmpty());
}

std::vector<Folder> folders_named_by(const ProcessWords& words) {
  Named named;
  add_named_by(words, &named);
  return named.folders;
}

TEST_F(WithNamedFolders, AProgramNamesTheLibraryOfItsEnvironment) {
  file("venv/lib/python3.12/site-packages/a.py");
  file("venv/lib/other/a.py");
  fs::create_directories(folder_ + "/venv/bin");
  fs::create_symlink("/bin/sh", folder_ + "/venv/bin/python");
  const Folder library{folder_ + "/venv/lib/python3.12", Taken::all_below};
  EXPECT_THAT(folders_named_by({{folder_ + "/venv/bin/python"}, {}, "/", ""}),
              ElementsAre(library));
  EXPECT_THAT(folders_named_by({{"bin/python"}, {}, folder_ + "/venv", ""}), ElementsAre(library));
  EXPECT_THAT(folders_named_by({{"python"}, {"PATH=/none::" + folder_ + "/venv/bin"}, "/", ""}),
              ElementsAre(library));
  EXPECT_THAT(folders_named_by({{"x"}, {}, "/", folder_ + "/venv/bin/python3"}),
              ElementsAre(library));
  EXPECT_THAT(folders_named_by({{"python"}, {"XPATH=" + folder_ + "/venv/bin"}, "/", ""}),
              IsEmpty());
}

TEST_F(WithNamedFolders, ScriptsAndPythonPathNameTheirCode) {
  const std::string script = file("app/serve.py");
  const std::string config = file("etc/config.json");
  file("more/a.py");
  Named named;
  add_named_by({{"python", "app/serve.py", "--config", config, "--none", "", folder_},
                {"PYTHONPATH=:" + folder_ + "/more:/:/none"},
                folder_,
                ""},
               &named);
  EXPECT_THAT(named.files, ElementsAre(script, config));
  EXPECT_THAT(named.folders, ElementsAre(Folder{folder_ + "/app", Taken::code_below},
                                         Folder{folder_ + "/more", Taken::code_below}));
  add_named_by({{"python", script}, {}, "/", ""}, &named);
  EXPECT_EQ(named.folders.size(), 2U) << "each once";
}

TEST_F(WithNamedFolders, WordsThatTellNothingNameNothing) {
  file("serve.py");
  EXPECT_THAT(folders_named_by({}), IsEmpty());
  EXPECT_THAT(folders_named_by({{""}, {""}, "", ""}), IsEmpty());
  const fs::path here = fs::current_path();
  fs::current_path(folder_);  // where this process works is not where that one does
  EXPECT_THAT(folders_named_by({{"python", "serve.py"}, {"PYTHONPATH=."}, "", ""}), IsEmpty());
  fs::current_path(here);
}

}  // namespace
}  // namespace coldload::start_set
