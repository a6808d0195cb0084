#include "os/directory.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

namespace fs = std::filesystem;

class DirectoryTest : public ::testing::Test {
 protected:
  int code_of(const std::function<void()>& what) {
    try {
      what();
    } catch (const SystemError& error) {
      return error.code();
    }
    return 0;
  }

  TemporaryDirectory scratch_{"directory-test"};
  const std::string path_ = scratch_.path();
  Directory directory_ = Directory::open(path_);
};

TEST_F(DirectoryTest, FollowsNoLinkInAnyPartOfAName) {
  fs::create_directory(path_ + "/real");
  replace_text(path_ + "/real/file", "x");
  fs::create_symlink("real", path_ + "/link");
  fs::create_symlink("file", path_ + "/real/same");
  EXPECT_TRUE(directory_.open_file("real/file", O_RDONLY).valid());
  for (const char* name : {"link/file", "real/same", "link"}) {
    EXPECT_EQ(code_of([&] { (void)directory_.open_file(name, O_RDONLY); }), ELOOP) << name;
  }
  EXPECT_NE(code_of([&] { (void)directory_.open_file("../x", O_WRONLY | O_CREAT, 0600); }), 0);
  EXPECT_NE(code_of([&] { (void)directory_.open_file("/etc/passwd", O_RDONLY); }), 0);
}

// As in a container whose sandbox is older than openat2(2).
TEST_F(DirectoryTest, FollowsNoLinkWhereTheKernelDoesNotKnowOpenat2) {
  fs::create_directory(path_ + "/real");
  replace_text(path_ + "/real/file", "x");
  fs::create_symlink("real", path_ + "/link");
  const auto child = [this] {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{program.size(), program.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) ::_exit(3);
    const bool opens = directory_.open_file("real/file", O_RDONLY).valid();
    const int link = code_of([&] { (void)directory_.open_file("link/file", O_RDONLY); });
    const int above = code_of([&] { (void)directory_.open_file("real/../../x", O_RDONLY); });
    ::_exit(opens && (link == ELOOP || link == ENOTDIR) && above == EXDEV ? 0 : 1);
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(0), "");
}

TEST_F(DirectoryTest, StaysWhatItWasWhereItsPathLeadsElsewhere) {
  fs::create_directory(path_ + "/out");
  fs::create_directory(path_ + "/theirs");
  const Directory out = directory_.subdirectory("out");
  fs::rename(path_ + "/out", path_ + "/moved");
  fs::create_symlink("theirs", path_ + "/out");
  write_full(out.create_file("new", 0600), "x");
  EXPECT_TRUE(fs::exists(path_ + "/moved/new"));
  EXPECT_TRUE(fs::is_empty(path_ + "/theirs"));
}

TEST_F(DirectoryTest, CreatesOnlyWhatIsNotThere) {
  fs::create_symlink("nowhere", path_ + "/link");
  EXPECT_EQ(code_of([&] { (void)directory_.create_file("link", 0600); }), EEXIST);
  EXPECT_FALSE(directory_.make_subdirectory("link", 0700));
  EXPECT_TRUE(directory_.make_subdirectory("sub", 0700));
  EXPECT_FALSE(directory_.make_subdirectory("sub", 0700));
}

TEST_F(DirectoryTest, RemovesATreeAndNothingThatItsLinksLeadTo) {
  fs::create_directories(path_ + "/tree/a/b");
  fs::create_directory(path_ + "/kept");
  replace_text(path_ + "/kept/file", "x");
  replace_text(path_ + "/tree/a/b/file", "x");
  fs::create_directory_symlink("../kept", path_ + "/tree/link");
  directory_.remove_tree("tree");
  directory_.remove_tree("tree");
  EXPECT_FALSE(fs::exists(path_ + "/tree"));
  EXPECT_TRUE(fs::exists(path_ + "/kept/file"));
  fs::create_directory_symlink("kept", path_ + "/tree");
  directory_.remove_tree("tree");
  EXPECT_TRUE(fs::exists(path_ + "/kept/file"));
}

TEST_F(DirectoryTest, RemovesNothingThatIsMountedInATree) {
  fs::create_directories(path_ + "/tree/mount");
  const std::string mount = path_ + "/tree/mount";
  if (::mount("none", mount.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "nothing can be mounted here";
  }
  replace_text(mount + "/file", "x");
  const int code = code_of([&] { directory_.remove_tree("tree"); });
  const bool kept = fs::exists(mount + "/file");
  ::umount2(mount.c_str(), MNT_DETACH);
  EXPECT_EQ(code, EXDEV);
  EXPECT_TRUE(kept);
}

TEST_F(DirectoryTest, TellsTheOwnerOfNewFilesAndLeavesNone) {
  EXPECT_EQ(directory_.owner_of_new_files(), ::geteuid());
  EXPECT_TRUE(fs::is_empty(path_));
}

TEST_F(DirectoryTest, ListsWhatIsThereMoreThanOnce) {
  replace_text(path_ + "/one", "x");
  for (int turn = 0; turn < 2; ++turn) {
    std::string names;
    directory_.for_each_name([&](const char* name) {
      names += name;
      return true;
    });
    EXPECT_EQ(names, "one");
  }
}

}  // namespace
}  // namespace coldload::os
