#include "stage/source_tree.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "stage/bounded_threads.h"
#include "stage/left_out.h"
#include "unit/stage/scratch.h"

namespace coldload::stage {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ScanTree : public Scratch {
 protected:
  [[nodiscard]] std::string refusal(const std::string& name,
                                    OutsideLinks links = OutsideLinks::refuse) const {
    try {
      (void)scan_tree(at(name), {{}, links});
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(ScanTree, ListsFilesByNameAndDirectoriesParentsFirst) {
  write("model/z.safetensors", "12345");
  write("model/adapters/en/a.bin", "1");
  write("model/config.json", "{}");
  const SourceTree tree = scan_tree(at("model"));
  EXPECT_EQ(tree.directories, (std::vector<std::string>{"adapters", "adapters/en"}));
  ASSERT_EQ(tree.files.size(), 3U);
  EXPECT_EQ(tree.files[0].name, "adapters/en/a.bin");
  EXPECT_EQ(tree.files[2].name, "z.safetensors");
  EXPECT_EQ(tree.bytes(), 8U);
  EXPECT_EQ(scan_tree(at("model")), tree);
  write("model/config.json", "{ }");
  EXPECT_NE(scan_tree(at("model")), tree);
}

TEST_F(ScanTree, ASnapshotsLinksAreTheirBlobs) {
  write("repo/blobs/abc", "12345");
  fs::create_directories(at("repo/snapshots/rev"));
  fs::create_symlink("../../blobs/abc", at("repo/snapshots/rev/model.safetensors"));
  const SourceTree tree = scan_tree(at("repo/snapshots/rev"));
  ASSERT_EQ(tree.files.size(), 1U);
  EXPECT_EQ(tree.files[0].name, "model.safetensors");
  EXPECT_EQ(tree.files[0].real_path, fs::canonical(at("repo/blobs/abc")).string());
  EXPECT_EQ(tree.files[0].bytes, 5U);
}

// snapshot -> the repository's blobs/ETAG -> the cache's own blobs/XX/HASH
TEST_F(ScanTree, BlobsThatACachesRepositoriesShareAreItsOwn) {
  write("hub/blobs/12/1234", "12345");
  fs::create_directories(at("hub/models--o--m/blobs"));
  fs::create_directories(at("hub/models--o--m/snapshots/rev"));
  fs::create_symlink("../../blobs/12/1234", at("hub/models--o--m/blobs/etag"));
  fs::create_symlink("../../blobs/etag", at("hub/models--o--m/snapshots/rev/model.safetensors"));
  const SourceTree tree = scan_tree(at("hub/models--o--m/snapshots/rev"));
  ASSERT_EQ(tree.files.size(), 1U);
  EXPECT_EQ(tree.files[0].real_path, fs::canonical(at("hub/blobs/12/1234")).string());
  write("hub/secret", "x");
  fs::create_symlink("../../../secret", at("hub/models--o--m/snapshots/rev/config.json"));
  EXPECT_THAT(refusal("hub/models--o--m/snapshots/rev"), HasSubstr("out of the tree"));
}

TEST_F(ScanTree, LinksThatLeadOutAreFollowedWhereThatIsWanted) {
  write("disk2/model.safetensors", "12345");
  write("disk2/tokenizer/vocab.json", "{}");
  write("model/config.json", "{}");
  fs::create_symlink("../disk2/model.safetensors", at("model/model.safetensors"));
  EXPECT_THAT(refusal("model"), HasSubstr("--follow-links"));
  fs::create_symlink("../disk2/tokenizer", at("model/tokenizer"));
  const SourceTree tree = scan_tree(at("model"), {{}, OutsideLinks::follow});
  EXPECT_EQ(tree.bytes(), 9U);
  EXPECT_EQ(tree.directories, std::vector<std::string>{"tokenizer"});
  EXPECT_EQ(tree.files.back().name, "tokenizer/vocab.json");
}

TEST_F(ScanTree, FollowedLinksHaveAnEnd) {
  write("model/sub/a", "x");
  fs::create_symlink("..", at("model/sub/up"));
  EXPECT_THAT(refusal("model", OutsideLinks::follow), HasSubstr("which holds it"));
  fs::remove(at("model/sub/up"));
  write("one/a", "x");
  write("two/a", "x");
  fs::create_symlink("../two", at("one/two"));
  fs::create_symlink("../one", at("two/one"));
  fs::create_symlink("../one", at("model/one"));
  EXPECT_THAT(refusal("model", OutsideLinks::follow), HasSubstr("another link leads to"));
}

TEST_F(ScanTree, WhatIsLeftOutIsCountedAndElseMayBeAnything) {
  write("model/a", "x");
  write("model/adapters/b", "xx");
  write("model/original/c", "xxx");
  write("model/original/deep/d", "xxxx");
  fs::create_directory(at("model/empty"));
  fs::create_symlink("/nowhere", at("model/original/e"));
  ScanOptions options;
  options.selection.leave_out = {"original/"};
  const SourceTree tree = scan_tree(at("model"), options);
  EXPECT_EQ(tree.bytes(), 3U);
  EXPECT_EQ(tree.directories, (std::vector<std::string>{"adapters", "empty"}));
  const LeftOut left_out = left_out_of(tree);
  EXPECT_EQ(left_out.files, 3U);
  EXPECT_EQ(left_out.bytes, 7U);
  EXPECT_EQ(words_of(left_out), "not copied: 7 B in 3 files (original/)");
  options.selection.exclude = {"a", "adapters/"};
  EXPECT_THROW((void)scan_tree(at("model"), options), UnfitTree);
}

TEST_F(ScanTree, OfSomeFilesNothingElseIsLookedAt) {
  write("models/a.gguf", "x");
  write("models/b.gguf", "xx");
  ASSERT_EQ(::mkfifo(at("models/p").c_str(), 0600), 0);
  ScanOptions options;
  options.selection.only = {"b.gguf"};
  const SourceTree tree = scan_tree(at("models"), options);
  EXPECT_EQ(tree.bytes(), 2U);
  EXPECT_TRUE(tree.left_out.empty());
}

TEST_F(ScanTree, AFolderOfASnapshotHasItsBlobs) {
  write("repo/blobs/abc", "12345");
  fs::create_directories(at("repo/snapshots/rev/Q4"));
  fs::create_symlink("../../../blobs/abc", at("repo/snapshots/rev/Q4/m.gguf"));
  EXPECT_EQ(scan_tree(at("repo/snapshots/rev/Q4")).bytes(), 5U);
}

TEST_F(ScanTree, UnfinishedDownloadsAreLeftOut) {
  write("model/a", "x");
  write("model/sub/b.incomplete", "x");
  EXPECT_EQ(scan_tree(at("model")).files.size(), 1U);
}

TEST_F(ScanTree, ALinkInsideTheTreeIsAFile) {
  write("model/a", "12345");
  fs::create_symlink("a", at("model/b"));
  EXPECT_EQ(scan_tree(at("model")).bytes(), 10U);
}

TEST_F(ScanTree, WhatIsNoFileIsRefusedByName) {
  write("secret", "x");
  write("out/model.safetensors", "x");
  fs::create_symlink("../secret", at("out/config.json"));
  EXPECT_THAT(refusal("out"), HasSubstr("config.json: the link leads out of the tree"));
  write("nowhere/a", "x");
  fs::create_symlink("b", at("nowhere/c"));
  EXPECT_THAT(refusal("nowhere"), HasSubstr("nowhere/c: the link leads nowhere"));
  write("loop/sub/a", "x");
  fs::create_symlink("sub", at("loop/again"));
  EXPECT_THAT(refusal("loop"), HasSubstr("loop/again: it is a link to a directory"));
  write("pipe/a", "x");
  ASSERT_EQ(::mkfifo(at("pipe/p").c_str(), 0600), 0);
  EXPECT_THAT(refusal("pipe"), HasSubstr("pipe/p: it is no file"));
  write("name/bad\xff", "x");
  EXPECT_THAT(refusal("name"), HasSubstr("not UTF-8"));
}

TEST_F(ScanTree, DownloadsBooksAreLeftOut) {
  write("model/a", "x");
  write("model/.cache/huggingface/a.lock", "x");
  write("model/.git/HEAD", "x");
  write("model/.gitattributes", "x");
  EXPECT_EQ(scan_tree(at("model")).files.size(), 2U);
}

TEST_F(ScanTree, AnEmptyOrMissingDirectoryIsAnError) {
  fs::create_directory(at("empty"));
  EXPECT_THAT(refusal("empty"), HasSubstr("nothing to stage"));
  EXPECT_THAT(refusal("missing"), HasSubstr("missing"));
}

TEST_F(ScanTree, AnInterruptEndsItAndIsNoFaultOfTheTree) {
  write("model/a", "x");
  const auto interrupted = [this] {
    os::install_interrupt_handler();
    std::raise(SIGINT);
    try {
      (void)scan_tree(at("model"));
    } catch (const Interrupted&) {
      std::_Exit(3);
    }
    std::_Exit(4);
  };
  EXPECT_EXIT(interrupted(), testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace coldload::stage
