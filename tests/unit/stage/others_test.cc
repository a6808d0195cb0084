// What another user plants below a destination, or changes in a source, while root stages.

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/error.h"
#include "os/fd.h"
#include "stage/journal.h"
#include "stage/part.h"
#include "stage/stager.h"
#include "stage/tree_copier.h"
#include "unit/stage/staging.h"

namespace coldload::stage {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uid_t k_nobody = 65534;

class Others : public Staging {
 protected:
  void SetUp() override {
    Staging::SetUp();
    write("src/model.safetensors", some_bytes(100'000));
    write("src/config.json", "{}");
    write("src/sub/a.bin", some_bytes(1000, 1));
    write("precious", "root's own");
    request_.source = at("src");
    request_.destination = at("dst");
    request_.jobs = 2;
  }

  void give_away(const std::string& name, uid_t owner = k_nobody) const {
    ASSERT_EQ(::lchown(at(name).c_str(), owner, owner), 0);
  }
  [[nodiscard]] mode_t mode_of(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(::lstat(at(name).c_str(), &info), 0) << name;
    return info.st_mode & ALLPERMS;
  }
  void set_mode(const std::string& name, mode_t mode) const {
    ASSERT_EQ(::chmod(at(name).c_str(), mode), 0);
  }
  void expect_copy() const {
    for (const char* name : {"model.safetensors", "config.json", "sub/a.bin"}) {
      EXPECT_TRUE(read("src/" + std::string(name)) == read("dst/" + std::string(name))) << name;
      EXPECT_FALSE(fs::is_symlink(at("dst/") + name));
    }
    EXPECT_FALSE(fs::is_symlink(at("dst")));
    EXPECT_FALSE(fs::exists(at(".dst.coldload-part")));
    EXPECT_EQ(read("precious"), "root's own");
  }
};

// Chowns need root.
class OtherUsers : public Others {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "files are given away by root alone";
    Others::SetUp();
  }
};

TEST_F(Others, LinksInAPartThatOthersMayWriteLeadNoByteElsewhere) {
  for (const char* name : {"journal", "manifest", "lock", "data", "trash", "data/config.json"}) {
    write(".dst.coldload-part/lock", "");
    fs::create_directory(at("elsewhere"));
    const std::string planted = at(".dst.coldload-part/") + name;
    fs::create_directories(fs::path(planted).parent_path());
    fs::remove(planted);
    const bool to_directory = std::string(name) == "data" || std::string(name) == "trash";
    fs::create_symlink(at(to_directory ? "elsewhere" : "precious"), planted);
    set_mode(".dst.coldload-part", 0777);
    (void)run();
    expect_copy();
    EXPECT_TRUE(fs::is_empty(at("elsewhere"))) << name;
    fs::remove_all(at("dst"));
  }
}

TEST_F(Others, WhatOthersCouldHavePutIntoAPartIsNotGoneOnWith) {
  {
    const auto lock = PlaceLock::try_take(place_of(at("dst")));
    (void)Journal::open(lock->part(), scan_tree(at("src")));
  }
  set_mode(".dst.coldload-part", 0770);
  const auto lock = PlaceLock::try_take(place_of(at("dst")));
  ASSERT_TRUE(lock);
  EXPECT_FALSE(lock->holds(k_part_journal));
  EXPECT_EQ(mode_of(".dst.coldload-part"), 0700U);
}

TEST_F(Others, NobodyElseMayPlantAnythingInAPart) {
  const mode_t mask = ::umask(0);
  mode_t while_it_copies = 0;
  (void)stage(request_, {[](const std::string&) {},
                         [&](const CopyProgress&) {
                           struct stat info {};
                           if (::stat(at(".dst.coldload-part").c_str(), &info) == 0) {
                             while_it_copies = info.st_mode & ALLPERMS;
                           }
                         }});
  ::umask(mask);
  EXPECT_EQ(while_it_copies, 0700U);
  EXPECT_EQ(mode_of("dst"), 0777U);
  EXPECT_EQ(mode_of("dst.coldload.json"), 0644U);
}

TEST_F(Others, APartOfAnOlderColdloadIsClosedAndGoneOnWith) {
  {
    const auto lock = PlaceLock::try_take(place_of(at("dst")));
    (void)Journal::open(lock->part(), scan_tree(at("src")));
    set_mode(".dst.coldload-part", 0755);
  }
  const auto lock = PlaceLock::try_take(place_of(at("dst")));
  ASSERT_TRUE(lock);
  EXPECT_EQ(mode_of(".dst.coldload-part"), 0700U);
  EXPECT_TRUE(lock->holds(k_part_journal));
}

TEST_F(Others, ADirectoryThatIsGivenAPartsNameIsNotEmptied) {
  write(".dst.coldload-part/important", "x");
  EXPECT_THAT(refusal(), HasSubstr("was not made by coldload (it has important)"));
  EXPECT_EQ(read(".dst.coldload-part/important"), "x");
  fs::rename(at(".dst.coldload-part/important"), at(".dst.coldload-part/data"));
  EXPECT_THAT(refusal(), HasSubstr("was not made by coldload (it has no lock)"));
  EXPECT_EQ(read(".dst.coldload-part/data"), "x");
}

TEST_F(OtherUsers, TheirPartIsRefusedAndLeftAlone) {
  write(".dst.coldload-part/lock", "");
  give_away(".dst.coldload-part");
  EXPECT_THAT(refusal(), HasSubstr("belongs to uid 65534"));
  EXPECT_THAT(refusal(), HasSubstr("rm -r " + fs::canonical(folder_).string()));
  EXPECT_TRUE(fs::exists(at(".dst.coldload-part/lock")));
}

TEST_F(OtherUsers, TheirDirectoryIsNoPartWhenItTakesThePlaceOfOurs) {
  write(".dst.coldload-part/lock", "");
  write("theirs/lock", "");
  give_away("theirs");
  give_away("theirs/lock");
  std::atomic<bool> goes_on{true};
  auto swaps = std::async(std::launch::async, [&] {
    while (goes_on) {
      ::renameat2(AT_FDCWD, at("theirs").c_str(), AT_FDCWD, at(".dst.coldload-part").c_str(),
                  RENAME_EXCHANGE);
    }
  });
  constexpr int k_times = 3000;
  for (int i = 0; i < k_times && !HasFailure(); ++i) {
    try {
      const auto lock = PlaceLock::try_take(place_of(at("dst")));
      if (!lock) continue;
      EXPECT_EQ(os::file_status(lock->part().descriptor()).st_uid, ::geteuid());
    } catch (const os::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("belongs to uid 65534"));
    }
  }
  goes_on = false;
}

TEST_F(OtherUsers, TheirFilesInAPartAreNotWrittenTo) {
  write("src/model.safetensors", some_bytes(k_chunk_bytes + 5));
  const SourceTree tree = scan_tree(at("src"));
  {
    const auto lock = PlaceLock::try_take(place_of(at("dst")));
    (void)Journal::open(lock->part(), tree);
    write(".dst.coldload-part/data/model.safetensors", "theirs");
    fs::create_hard_link(at("precious"), at(".dst.coldload-part/data/config.json"));
  }
  give_away(".dst.coldload-part/data/model.safetensors");
  (void)run();
  expect_copy();
  struct stat info {};
  ASSERT_EQ(::stat(at("dst/model.safetensors").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, ::geteuid());
}

TEST_F(OtherUsers, WhatTheyStagedIsNoCopyOfOurs) {
  (void)run();
  const auto look = [&] { return look_at_copy(at("src"), {}, at("dst")); };
  EXPECT_EQ(look().found, Found::up_to_date);
  for (const char* name : {"dst.coldload.json", "dst", "dst/sub", "dst/sub/a.bin"}) {
    give_away(name);
    EXPECT_EQ(look().found, Found::other) << name;
    EXPECT_THAT(refusal(), HasSubstr("uid 65534")) << name;
    give_away(name, 0);
  }
  EXPECT_EQ(look().found, Found::up_to_date);
  give_away("dst.coldload.json");
  EXPECT_THROW((void)verify_staged(at("dst"), false, 1, {}), os::Error);
  request_.replace = true;
  EXPECT_FALSE(run().up_to_date);
  expect_copy();
}

TEST_F(OtherUsers, KeepRemovesNothingThatTheirManifestNamesOrThatIsTheirs) {
  for (const char* name : {"theirs", "swapped"}) {
    request_.destination = at(name);
    (void)run();
  }
  give_away("theirs.coldload.json");
  give_away("swapped");
  request_.destination = at("dst");
  request_.keep = 1;
  const StageResult result = run();
  EXPECT_THAT(result.removed, IsEmpty());
  EXPECT_TRUE(fs::exists(at("theirs/config.json")));
  EXPECT_TRUE(fs::exists(at("swapped/config.json")));
}

TEST_F(Others, WhatOthersMayWriteIsUpToDateByItsHashesAlone) {
  (void)run();
  for (const char* name : {"dst", "dst/sub", "dst/model.safetensors"}) {
    const mode_t mode = mode_of(name);
    set_mode(name, mode | 020);
    const StageResult result = run();
    EXPECT_TRUE(result.up_to_date);
    EXPECT_THAT(result.remarks, ElementsAre(HasSubstr("chmod -R go-w"))) << name;
    set_mode(name, mode);
    EXPECT_THAT(run().remarks, IsEmpty());
  }
  set_mode("dst/model.safetensors", 0666);
  const auto time = fs::last_write_time(at("dst/model.safetensors"));
  std::fstream(at("dst/model.safetensors"), std::ios::in | std::ios::out | std::ios::binary) << "!";
  fs::last_write_time(at("dst/model.safetensors"), time);
  EXPECT_THAT(refusal(), HasSubstr("has other bytes than were staged"));
}

TEST_F(Others, AManifestThatOthersMayWriteOrALinkToOneProvesNothing) {
  (void)run();
  set_mode("dst.coldload.json", 0664);
  EXPECT_THAT(refusal(), HasSubstr("may be written by others (mode 664; if you trust it: chmod"));
  set_mode("dst.coldload.json", 0644);
  fs::rename(at("dst.coldload.json"), at("other.json"));
  fs::create_symlink(at("other.json"), at("dst.coldload.json"));
  EXPECT_THAT(refusal(), HasSubstr("is no regular file"));
}

TEST_F(Others, ACopyIsNotMoreReadableThanItsSource) {
  const mode_t mask = ::umask(022);
  set_mode("src/config.json", 0600);
  set_mode("src/model.safetensors", 0400);
  write("src/all", "x");
  set_mode("src/all", 0666);
  write("src/program", "x");
  set_mode("src/program", 0755);
  set_mode("src/sub", 0700);  // a.bin is 0644
  (void)run();
  ::umask(mask);
  EXPECT_EQ(mode_of("dst/config.json"), 0600U);
  EXPECT_EQ(mode_of("dst/model.safetensors"), 0400U);
  EXPECT_EQ(mode_of("dst/all"), 0644U);
  EXPECT_EQ(mode_of("dst/program"), 0644U);
  EXPECT_EQ(mode_of("dst/sub/a.bin"), 0600U);
  EXPECT_EQ(mode_of("dst/sub"), 0755U);
}

TEST_F(OtherUsers, AnotherGroupGetsWhatAllHave) {
  set_mode("src/config.json", 0640);
  ASSERT_EQ(::chown(at("src/config.json").c_str(), 0, k_nobody), 0);
  (void)run();
  EXPECT_EQ(mode_of("dst/config.json"), 0600U);
}

// Between the scan and the copy.
class SourceOfOthers : public Others {
 protected:
  void SetUp() override {
    Others::SetUp();
    write("secret/a.bin", some_bytes(1000, 1));
    tree_ = scan_tree(at("src"));
  }
  // What the copy of the tree as it was scanned says.
  [[nodiscard]] std::string copy() {
    auto lock = PlaceLock::try_take(place_of(at("dst")));
    Manifest manifest = blank_manifest(tree_);
    const auto journal = std::make_shared<Journal>(Journal::open(lock->part(), tree_));
    std::string said;
    try {
      (void)copy_tree(tree_, lock->data(), journal, {2, std::nullopt, {}}, &manifest);
    } catch (const os::Error& error) {
      said = error.what();
    }
    lock->remove_part();
    return said;
  }
  SourceTree tree_;
};

TEST_F(SourceOfOthers, WhatWasScannedIsWhatIsOpened) {
  EXPECT_EQ(copy(), "");
  fs::remove(at("src/config.json"));
  fs::create_symlink(at("precious"), at("src/config.json"));
  EXPECT_THAT(copy(), HasSubstr("src/config.json was changed while it was copied"));
  fs::remove(at("src/config.json"));
  fs::create_hard_link(at("precious"), at("src/config.json"));
  EXPECT_THAT(copy(), HasSubstr("was changed while it was copied"));
}

TEST_F(SourceOfOthers, ADirectoryThatBecameALinkIsNotFollowed) {
  fs::rename(at("src/sub"), at("src/away"));
  fs::create_symlink(at("secret"), at("src/sub"));
  EXPECT_THAT(copy(), HasSubstr("src/sub/a.bin was changed while it was copied"));
}

TEST_F(SourceOfOthers, ALinkThatLeadsElsewhereThanItDidIsNotFollowed) {
  write("repo/blobs/abc", "12345");
  write("repo/blobs/def", "54321");
  fs::create_directories(at("repo/snapshots/rev"));
  fs::create_symlink("../../blobs/abc", at("repo/snapshots/rev/model.safetensors"));
  tree_ = scan_tree(at("repo/snapshots/rev"));
  EXPECT_EQ(copy(), "");
  fs::remove(at("repo/blobs/abc"));
  fs::create_symlink(at("precious"), at("repo/blobs/abc"));
  EXPECT_THAT(copy(), HasSubstr("repo/blobs/abc was changed while it was copied"));
}

TEST_F(SourceOfOthers, OneThatFewerMayReadByNowIsNotCopied) {
  set_mode("src/config.json", 0600);
  EXPECT_THAT(copy(), HasSubstr("was changed while it was copied"));
}

// On the way to it, from where the two ways part: what the user named may lie anywhere.
TEST_F(SourceOfOthers, WhatALinkLeadsToIsNoMoreReadableThanItsDirectoriesAllow) {
  write("repo/blobs/abc", "12345");
  fs::create_directories(at("repo/snapshots/rev"));
  fs::create_symlink("../../blobs/abc", at("repo/snapshots/rev/model.safetensors"));
  EXPECT_EQ(scan_tree(at("repo/snapshots/rev")).files[0].mode, 0644U);
  set_mode("repo", 0700);
  EXPECT_EQ(scan_tree(at("repo/snapshots/rev")).files[0].mode, 0644U);
  set_mode("repo/blobs", 0700);
  EXPECT_EQ(scan_tree(at("repo/snapshots/rev")).files[0].mode, 0600U);
}

}  // namespace
}  // namespace coldload::stage
