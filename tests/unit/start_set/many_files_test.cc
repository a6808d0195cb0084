#include "start_set/many_files.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/mapping.h"
#include "unit/eventually.h"

namespace coldload::start_set {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t k_bytes = 100 * 4096 + 17;

// On a disk: /tmp may be memory.
class PagesOfFiles : public ::testing::Test {
 protected:
  PagesOfFiles() {
    folder_ = "/var/tmp/coldload-file-pages.XXXXXX";
    if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no scratch in /var/tmp");
  }
  ~PagesOfFiles() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string file(const std::string& name, std::uint64_t bytes = k_bytes) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << std::string(bytes, 'x');
    return path;
  }

  static std::uint64_t resident(const std::string& path) {
    return look_at({path}).front().resident_bytes.value();
  }

  // Skips where that cannot be: on a tmpfs, say.
  static bool can_be_evicted(const std::string& path) {
    return eventually([&] {
      const auto left = evict({path});
      return left.empty() && resident(path) == 0;
    });
  }

  std::string folder_;
};

TEST_F(PagesOfFiles, SaysWhatIsThereAndWhatIsNoFile) {
  const std::string here = file("a");
  const std::string empty = file("empty", 0);
  ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  const auto states = look_at({here, folder_ + "/none", folder_, folder_ + "/fifo", empty, here});
  ASSERT_EQ(states.size(), 6U);
  EXPECT_TRUE(states[0].is_there);
  EXPECT_FALSE(states[0].is_memory);
  EXPECT_EQ(states[0].bytes, k_bytes);
  EXPECT_GT(states[0].changed_ns, 0);
  EXPECT_TRUE(states[0].resident_bytes);
  for (const int i : {1, 2, 3}) {
    EXPECT_FALSE(states[static_cast<std::size_t>(i)].is_there) << i;
    EXPECT_FALSE(states[static_cast<std::size_t>(i)].resident_bytes) << i;
  }
  EXPECT_TRUE(states[4].is_there);
  EXPECT_EQ(states[4].bytes, 0U);
  EXPECT_EQ(states[5].id, states[0].id);
  EXPECT_NE(states[4].id, states[0].id);
}

TEST_F(PagesOfFiles, OfNoFilesIsNothing) {
  EXPECT_THAT(look_at({}), IsEmpty());
  EXPECT_THAT(evict({}), IsEmpty());
  read_parts({});
}

TEST_F(PagesOfFiles, AFileInMemoryIsSaidToBe) {
  if (!fs::is_directory("/dev/shm")) GTEST_SKIP() << "there is no /dev/shm";
  const std::string path = "/dev/shm/coldload-file-pages-" + std::to_string(::getpid());
  std::ofstream(path) << "x";
  EXPECT_TRUE(look_at({path}).front().is_memory);
  fs::remove(path);
}

TEST_F(PagesOfFiles, EvictsWhatIsDirtyToo) {
  const std::string path = file("a");  // just written
  if (!can_be_evicted(path)) GTEST_SKIP() << "/var/tmp cannot be evicted";
  EXPECT_EQ(resident(path), 0U);
  EXPECT_THAT(parts_in_memory({path}).front().in_memory, IsEmpty());
}

TEST_F(PagesOfFiles, WhatIsMappedStaysAndIsSaidTo) {
  const std::string kept = file("kept");
  const std::string other = file("other");
  const os::Mapping mapping = os::Mapping::of_file(os::open_file(kept, O_RDONLY), k_bytes);
  for (std::uint64_t at = 0; at < k_bytes; at += os::page_size()) {
    (void)*static_cast<const volatile std::byte*>(mapping.data() + at);
  }
  const auto left = evict({other, kept, folder_ + "/none"});
  EXPECT_THAT(left, ::testing::Contains(kept));
  EXPECT_EQ(resident(kept), k_bytes);
  EXPECT_THAT(parts_in_memory({kept}).front().in_memory, ElementsAre(Range{0, k_bytes}));
}

TEST_F(PagesOfFiles, ReadsTheWantedPartsAlone) {
  const std::string path = file("a", 64 << 20);
  const std::string gone = folder_ + "/none";
  if (!can_be_evicted(path)) GTEST_SKIP() << "/var/tmp cannot be evicted";
  const Range range{32 << 20, 3 << 20};
  // The kernel may take clean pages at any time: that it brings them is seen in some try.
  EXPECT_TRUE(eventually([&] {
    read_parts({{gone, Group::other, 10, {{0, 10}}}, {path, Group::other, 64 << 20, {range}}});
    const auto parts = parts_in_memory({path}).front().in_memory;
    for (const Range& part : parts) {
      if (part.offset <= range.offset && part.offset + part.bytes >= range.offset + range.bytes) {
        return true;
      }
    }
    return false;
  }));
  EXPECT_LT(resident(path), 48U << 20);  // with what was read ahead
}

TEST_F(PagesOfFiles, APartPastTheEndOfAFileThatShrankEnds) {
  const std::string path = file("a");
  read_parts({{path, Group::other, 1 << 20, {{0, 1 << 20}, {1 << 20, 1 << 20}}}});
}

TEST_F(PagesOfFiles, WhatMayNotBeOpenedIsNotThere) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const std::string closed = file("closed");
  const std::string readable = file("readable");
  fs::permissions(folder_, fs::perms::all);
  fs::permissions(closed, fs::perms::owner_all);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t k_nobody = 65534;
    if (::setuid(k_nobody) != 0) ::_exit(3);
    const auto states = look_at({closed, readable});
    // The kernel would say of another's file that all of it is resident.
    const bool right = !states[0].is_there && states[1].is_there && !states[1].resident_bytes;
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PagesOfFiles, AreLookedAtInAnyNumber) {
  constexpr std::size_t k_more_than_descriptors = 3000;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < k_more_than_descriptors; ++i) {
    paths.push_back(file(std::to_string(i), i % 3 + 1));
  }
  const auto states = look_at(paths);
  for (std::size_t i = 0; i < paths.size(); ++i) ASSERT_EQ(states[i].bytes, i % 3 + 1) << i;
}

}  // namespace
}  // namespace coldload::start_set
