#include "measure/cache_use.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/temporary_directory.h"

namespace coldload::measure {
namespace {

namespace fs = std::filesystem;
using records::Caches;

// A folder with caches, and another that no cache lies in.
class CacheUse : public testing::Test {
 protected:
  CacheUse() { fs::create_directories(folder_ + "/a/b"); }

  void write(const std::string& name, std::size_t bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << std::string(bytes, 'x');
  }
  void append(const std::string& name, std::size_t bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary | std::ios::app)
        << std::string(bytes, 'y');
  }
  // The mtime of now, and the content as it is.
  void touch(const std::string& name) const {
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ + "/" + name).c_str(), nullptr, 0), 0);
  }
  [[nodiscard]] CachedFiles look() const { return look_at_caches({folder_}).value(); }

  TemporaryDirectory scratch_{"coldload-caches"};
  const std::string folder_ = fs::canonical(scratch_.path()).string() + "/caches";
};

TEST_F(CacheUse, AStartThatFillsEmptyCaches) {
  const CachedFiles before = look();
  write("graph", 10'000);
  write("a/b/kernel", 5'000);
  const measure::CacheUse use = cache_use_of(before, look());
  EXPECT_EQ(use.verdict, Caches::filled);
  EXPECT_EQ(use.files, 0U);
  EXPECT_EQ(use.bytes, 0U);
  EXPECT_EQ(use.written_files, 2U);
  EXPECT_EQ(use.written_bytes, 15'000U);
}

TEST_F(CacheUse, AStartThatFindsAll) {
  write("graph", 10'000);
  const CachedFiles before = look();
  const measure::CacheUse use = cache_use_of(before, look());
  EXPECT_EQ(use.verdict, Caches::hit);
  EXPECT_EQ(use.files, 1U);
  EXPECT_EQ(use.bytes, 10'000U);
  EXPECT_EQ(use.written_files, 0U);
  EXPECT_EQ(use.written_bytes, 0U);
}

TEST_F(CacheUse, AStartThatCompilesMore) {
  write("graph", 10'000);
  const CachedFiles before = look();
  write("a/other", 7'000);
  const measure::CacheUse use = cache_use_of(before, look());
  EXPECT_EQ(use.verdict, Caches::mixed);
  EXPECT_EQ(use.files, 1U);
  EXPECT_EQ(use.written_files, 1U);
  EXPECT_EQ(use.written_bytes, 7'000U);
}

TEST_F(CacheUse, NoFileBeforeAndAfterIsNone) {
  EXPECT_EQ(cache_use_of(look(), look()).verdict, Caches::none);
}

// What every start writes: it must not be taken for compilation.
TEST_F(CacheUse, NotesOfAStartDoNotCount) {
  write("graph", 10'000);
  write("start.log", 100'000);
  write("vllm_compile_cache.py", 8'000);
  const CachedFiles before = look();
  write("vllm_compile_cache.py", 8'000);  // as some releases do, with the same content
  write("lock", 0);
  write("usage_stats.json", 4'095);
  append("start.log", 300);
  touch("graph");
  const measure::CacheUse use = cache_use_of(before, look());
  EXPECT_EQ(use.verdict, Caches::hit);
  EXPECT_EQ(use.written_files, 0U);
}

TEST_F(CacheUse, EmptyFilesAreNoCache) {
  const CachedFiles before = look();
  write("lock", 0);
  EXPECT_EQ(cache_use_of(before, look()).verdict, Caches::none);
  EXPECT_EQ(cache_use_of(look(), look()).verdict, Caches::none);
}

// As vLLM keeps of a model's class what it takes a process of its own to find out.
TEST_F(CacheUse, OneSmallFileIsACache) {
  const CachedFiles before = look();
  write("modelinfos.json", 899);
  const measure::CacheUse first = cache_use_of(before, look());
  EXPECT_EQ(first.verdict, Caches::filled);
  EXPECT_EQ(first.written_bytes, 899U);
  const measure::CacheUse next = cache_use_of(look(), look());
  EXPECT_EQ(next.verdict, Caches::hit);
  EXPECT_EQ(next.bytes, 899U);
}

TEST_F(CacheUse, AFileThatGrewCountsWithWhatItGrewBy) {
  write("index", 10'000);
  const CachedFiles before = look();
  append("index", 4'096);
  const measure::CacheUse use = cache_use_of(before, look());
  EXPECT_EQ(use.verdict, Caches::mixed);
  EXPECT_EQ(use.written_files, 1U);
  EXPECT_EQ(use.written_bytes, 4'096U);
}

TEST_F(CacheUse, AFileInAnothersPlaceCountsThoughItIsAsLarge) {
  write("graph", 10'000);
  const CachedFiles before = look();
  write("graph.new", 10'000);
  fs::rename(folder_ + "/graph.new", folder_ + "/graph");
  EXPECT_EQ(cache_use_of(before, look()).written_bytes, 10'000U);
}

TEST(CacheUseOf, AnInodesNumberThatIsGivenAgainIsAnotherFile) {
  const CachedFiles before{{"/c/graph", {10'000, 7, 1'000}}};
  const CachedFiles after{{"/c/graph", {10'000, 7, 2'000}}};
  EXPECT_EQ(cache_use_of(before, after).verdict, Caches::mixed);
  EXPECT_EQ(cache_use_of(before, before).verdict, Caches::hit);
}

TEST_F(CacheUse, FilesThatGoOrShrinkAreNotWritten) {
  write("graph", 10'000);
  write("kernel", 10'000);
  const CachedFiles before = look();
  fs::remove(folder_ + "/graph");
  fs::resize_file(folder_ + "/kernel", 5'000);
  EXPECT_EQ(cache_use_of(before, look()).verdict, Caches::hit);
}

TEST_F(CacheUse, AFolderThatIsNotThereHasNoFile) {
  EXPECT_TRUE(look_at_caches({folder_ + "/later/still"}).value().empty());
  fs::remove_all(folder_);
  EXPECT_TRUE(look().empty());
}

TEST_F(CacheUse, AFileBelowTwoFoldersCountsOnce) {
  write("a/b/graph", 10'000);
  EXPECT_EQ(look_at_caches({folder_, folder_ + "/a"}).value().size(), 1U);
}

TEST_F(CacheUse, LinksAreNotFollowed) {
  const std::string outside = fs::path(folder_).parent_path().string() + "/outside";
  fs::create_directories(outside);
  std::ofstream(outside + "/file") << std::string(10'000, 'x');
  fs::create_directory_symlink(outside, folder_ + "/folder");
  fs::create_directory_symlink("..", folder_ + "/a/loop");
  fs::create_symlink(outside + "/file", folder_ + "/file");
  EXPECT_TRUE(look().empty());
  // Nor is one in a folder's own place: whoever put it there did so after the folders were found.
  fs::create_directory_symlink(outside, folder_ + "-link");
  EXPECT_FALSE(look_at_caches({folder_ + "-link"}).has_value());
}

TEST_F(CacheUse, WhatIsNoFileIsPassedOver) {
  ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(look().empty());
}

TEST_F(CacheUse, MoreEntriesThanMayBeLookedAtAreNotKnown) {
  for (int i = 0; i < 8; ++i) write("a/" + std::to_string(i), 5'000);  // with a and b: ten entries
  EXPECT_EQ(look_at_caches({folder_}, 10).value().size(), 8U);
  EXPECT_FALSE(look_at_caches({folder_}, 9).has_value());
  EXPECT_FALSE(look_at_caches({folder_, folder_}, 19).has_value()) << "of all folders together";
}

TEST_F(CacheUse, FoldersInFoldersWithoutEndAreNotKnown) {
  std::string deep = folder_;
  for (int i = 0; i < 100; ++i) deep += "/d";
  fs::create_directories(deep);
  EXPECT_FALSE(look_at_caches({folder_}).has_value());
}

TEST_F(CacheUse, AFolderThatMayNotBeLookedIntoIsNotKnown) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may look into every folder";
  fs::permissions(folder_ + "/a", fs::perms::none);
  EXPECT_FALSE(look_at_caches({folder_}).has_value());
  fs::permissions(folder_ + "/a", fs::perms::owner_all);
}

TEST_F(CacheUse, TheRecordHasWhatIsKnown) {
  const CacheWatch watch({folder_});
  write("graph", 10'000);
  records::Record record;
  watch.note(&record);
  EXPECT_EQ(record.caches, Caches::filled);
  EXPECT_EQ(record.caches_files, 0U);
  EXPECT_EQ(record.caches_bytes, 0U);
  EXPECT_EQ(record.caches_written_files, 1U);
  EXPECT_EQ(record.caches_written_bytes, 10'000U);
}

TEST_F(CacheUse, TheRecordHasNothingOfWhatIsNotKnown) {
  records::Record record;
  CacheWatch({}).note(&record);
  EXPECT_FALSE(record.caches.has_value());
  const CacheWatch watch({folder_});
  fs::remove_all(folder_);
  fs::create_symlink("/etc", folder_);  // in the place of the folder, by the server
  watch.note(&record);
  EXPECT_FALSE(record.caches.has_value());
  EXPECT_FALSE(record.caches_written_files.has_value());
}

}  // namespace
}  // namespace coldload::measure
