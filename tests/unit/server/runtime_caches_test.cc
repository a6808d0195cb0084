#include "server/runtime_caches.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/held_directory.h"
#include "unit/temporary_directory.h"

namespace coldload::server {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const std::string& path) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

TEST(RuntimeCaches, KeepTouchesNothing) {
  const TemporaryDirectory scratch{"coldload-test"};
  const RuntimeCaches caches(CompileCache::keep, scratch.path() + "/not-there");
  EXPECT_TRUE(caches.environment().empty());
  EXPECT_FALSE(fs::exists(scratch.path() + "/not-there"));
}

TEST(RuntimeCaches, PrivateOnesLastFromLaunchToLaunchAndGo) {
  const TemporaryDirectory scratch{"coldload-test"};
  {
    RuntimeCaches caches(CompileCache::private_caches, scratch.path());
    caches.prepare_launch();
    const std::string path = caches.environment().front().second;
    fs::create_directories(path);
    std::ofstream(path + "/graph") << "x";
    caches.prepare_launch();
    EXPECT_TRUE(fs::exists(path + "/graph"));
  }
  EXPECT_EQ(entries(scratch.path()), 0U);
}

TEST(RuntimeCaches, FreshOnesAreEmptyBeforeEachLaunch) {
  const TemporaryDirectory scratch{"coldload-test"};
  RuntimeCaches caches(CompileCache::fresh_caches, scratch.path());
  caches.prepare_launch();
  const std::string path = caches.environment().front().second;
  fs::create_directories(path);
  caches.prepare_launch();
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::exists(fs::path(path).parent_path() / os::k_held_mark));
}

// By the server, say. What it makes at the old place since is ours to remove, too.
TEST(RuntimeCaches, GoAlsoWhereTheyOrTheirFolderWereMoved) {
  const TemporaryDirectory scratch{"coldload-test"};
  const fs::path out = scratch.path() + "/out";
  const fs::path moved = scratch.path() + "/moved";
  for (const bool with_folder : {true, false}) {
    {
      RuntimeCaches caches(CompileCache::fresh_caches, out);
      caches.prepare_launch();
      const fs::path cache = caches.environment().front().second;
      fs::create_directories(cache / "graphs");
      std::ofstream(cache / "graphs" / "one") << "x";
      fs::rename(with_folder ? out : cache.parent_path(), moved);
      fs::create_directories(cache / "graphs");
      EXPECT_THROW(caches.prepare_launch(), os::Error);
    }
    EXPECT_EQ(entries(out), 0U);
    EXPECT_EQ(fs::exists(moved), with_folder);
    EXPECT_TRUE(!with_folder || fs::remove(moved)) << "not empty";
  }
}

TEST(RuntimeCaches, RemovesThoseThatNobodyHoldsOnly) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string killed = scratch.path() + "/.runtime-caches-killed";
  fs::create_directories(killed + "/x");
  std::ofstream(killed + "/" + os::k_held_mark);  // as make_held_directory() leaves it
  fs::create_directories(scratch.path() + "/.runtime-caches-mine23/x");
  const RuntimeCaches first(CompileCache::private_caches, scratch.path());
  EXPECT_FALSE(fs::exists(killed));
  EXPECT_TRUE(fs::exists(scratch.path() + "/.runtime-caches-mine23/x"));
  const RuntimeCaches second(CompileCache::private_caches, scratch.path());
  EXPECT_NE(first.environment().front().second, second.environment().front().second);
  EXPECT_EQ(entries(scratch.path()), 3U);  // neither took the other's
}

// Private ones, which a server has filled.
class FilledCaches : public ::testing::Test {
 protected:
  FilledCaches() {
    caches_.emplace(CompileCache::private_caches, scratch_.path());
    caches_->prepare_launch();
    for (const auto& [name, folder] : caches_->environment()) folders_.emplace_back(folder);
    fill(0, "first");
    fill(1, "second");
  }

  void fill(std::size_t folder, const std::string& content) {
    fs::create_directories(folders_.at(folder) / "graphs");
    std::ofstream(folders_.at(folder) / "graphs" / "one") << content;
  }
  [[nodiscard]] std::string content(std::size_t folder) const {
    std::ifstream file(folders_.at(folder) / "graphs" / "one");
    std::string text;
    file >> text;
    return text;
  }

  const TemporaryDirectory scratch_{"coldload-test"};
  std::optional<RuntimeCaches> caches_;
  std::vector<fs::path> folders_;
};

TEST_F(FilledCaches, AreNotFoundByAFirstStartAndBackForTheNext) {
  caches_->prepare_launch(true);
  EXPECT_FALSE(fs::exists(folders_[0]));
  EXPECT_FALSE(fs::exists(folders_[1]));
  fill(0, "anew");
  caches_->prepare_launch();
  EXPECT_EQ(content(0), "first") << "what the first start wrote is its own";
  EXPECT_EQ(content(1), "second");
  EXPECT_FALSE(fs::exists(folders_[0].parent_path() / ".aside"));
}

TEST_F(FilledCaches, AreNotFoundTwiceInARowNorLost) {
  caches_->prepare_launch(true);
  fill(2, "anew");
  caches_->prepare_launch(true);
  EXPECT_FALSE(fs::exists(folders_[2])) << "the one before filled it";
  caches_->prepare_launch(true);
  caches_->prepare_launch();
  caches_->prepare_launch();
  EXPECT_EQ(content(0), "first");
  EXPECT_EQ(content(1), "second");
  EXPECT_FALSE(fs::exists(folders_[2]));
}

TEST_F(FilledCaches, GoAtTheEndAlsoThoseThatAreSetAside) {
  caches_->prepare_launch(true);
  fill(0, "anew");
  caches_.reset();
  EXPECT_EQ(entries(scratch_.path()), 0U);
}

TEST_F(FilledCaches, OfAColdloadThatWasKilledMeanwhileGoWithTheNext) {
  const std::string theirs = scratch_.path() + "/of-another";
  const pid_t child = ::fork();
  if (child == 0) {
    RuntimeCaches caches(CompileCache::private_caches, theirs);
    const fs::path folder = caches.environment().front().second;
    fs::create_directories(folder);
    std::ofstream(folder / "graph") << "x";
    caches.prepare_launch(true);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(entries(theirs), 1U);
  { const RuntimeCaches next(CompileCache::private_caches, theirs); }
  EXPECT_EQ(entries(theirs), 0U);
}

TEST_F(FilledCaches, MayHoldFoldersThatNobodyMayWriteAndLinks) {
  fs::create_symlink("/nowhere", folders_[0] / "link");
  fs::permissions(folders_[0] / "graphs", fs::perms::owner_read | fs::perms::owner_exec);
  caches_->prepare_launch(true);
  caches_->prepare_launch();
  EXPECT_EQ(content(0), "first");
  EXPECT_TRUE(fs::is_symlink(folders_[0] / "link"));
  fs::permissions(folders_[0] / "graphs", fs::perms::owner_all);
}

TEST(CacheFolders, ArePrivateOnesWhereTheVariablesSay) {
  const TemporaryDirectory scratch{"coldload-test"};
  const RuntimeCaches caches(CompileCache::private_caches, scratch.path());
  const std::vector<std::string> folders = cache_folders(caches.environment());
  EXPECT_EQ(folders.size(), caches.environment().size());
  const std::string own = fs::canonical(scratch.path()).string() + "/.runtime-caches-";
  for (const std::string& folder : folders) EXPECT_EQ(folder.rfind(own, 0), 0U) << folder;
}

TEST(CacheFolders, AreTheMachinesOwnWhereNoVariableIsSet) {
  const std::vector<std::string> folders = cache_folders({{"VLLM_CACHE_ROOT", ""},
                                                          {"TORCHINDUCTOR_CACHE_DIR", ""},
                                                          {"TRITON_CACHE_DIR", ""},
                                                          {"FLASHINFER_WORKSPACE_BASE", ""},
                                                          {"CUDA_CACHE_PATH", ""},
                                                          {"TORCH_EXTENSIONS_DIR", ""},
                                                          {"DG_JIT_CACHE_DIR", ""},
                                                          {"SGLANG_DG_CACHE_DIR", ""},
                                                          {"HOME", "/nowhere/me"},
                                                          {"XDG_CACHE_HOME", "/nowhere/cache"},
                                                          {"TMPDIR", "/nowhere/tmp"},
                                                          {"LOGNAME", "me"}});
  const std::vector<std::string> expected{
      "/nowhere/cache/vllm",          "/nowhere/tmp/torchinductor_me",
      "/nowhere/me/.triton/cache",    "/nowhere/me/.cache/flashinfer",
      "/nowhere/me/.nv/ComputeCache", "/nowhere/cache/torch_extensions",
      "/nowhere/me/.deep_gemm",       "/nowhere/me/.cache/deep_gemm"};
  EXPECT_EQ(folders, expected);
}

TEST(CacheFolders, TheLastValueStandsAndLinksLeadOn) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string real = fs::canonical(scratch.path()).string() + "/real";
  fs::create_directories(real);
  fs::create_directory_symlink(real, scratch.path() + "/link");
  const std::vector<std::string> folders =
      cache_folders({{"VLLM_CACHE_ROOT", "/nowhere"},
                     {"VLLM_CACHE_ROOT", scratch.path() + "/link/vllm"},
                     {"FLASHINFER_WORKSPACE_BASE", "/nowhere/base"}});
  EXPECT_EQ(folders.at(0), real + "/vllm");
  EXPECT_EQ(folders.at(3), "/nowhere/base/.cache/flashinfer");
}

}  // namespace
}  // namespace coldload::server
