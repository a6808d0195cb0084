#include "start_set/touched_pages.h"

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/mapping.h"

namespace coldload::start_set {
namespace {

class Touching : public ::testing::Test {
 protected:
  static constexpr std::uint64_t k_pages = 8192;

  void SetUp() override {
    const os::Fd file = os::open_file(path_, O_RDWR | O_CREAT | O_TRUNC, 0755);
    os::write_full(file, std::string(k_pages * page_ - 7, 'x'));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::vector<Range> kept_after(int rights, const std::vector<std::uint64_t>& touched) {
    const os::Fd file = os::open_file(path_, O_RDONLY);
    void* const at = ::mmap(nullptr, k_pages * page_, rights, MAP_PRIVATE, file.get(), 0);
    EXPECT_NE(at, MAP_FAILED);
    EXPECT_EQ(::madvise(at, k_pages * page_, MADV_RANDOM), 0);
    for (const std::uint64_t page : touched) {
      (void)*(static_cast<volatile char*>(at) + page * page_);
    }
    StartSet set;
    set.files.push_back({path_, Group::program, k_pages * page_ - 7, all_, 0});
    keep_what_is_touched({::getpid()}, &set);
    ::munmap(at, k_pages * page_);
    return set.files[0].in_memory;
  }

  const std::uint64_t page_ = os::page_size();
  const std::string path_ =
      std::filesystem::current_path() / ("touched-" + std::to_string(::getpid()));
  const std::vector<Range> all_{{0, k_pages* page_ - 7}};
};

TEST_F(Touching, LeavesOfALibraryWhatWasTouched) {
  const std::vector<Range> kept = kept_after(PROT_READ | PROT_EXEC, {3, k_pages - 1});
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_LE(kept[0].offset, 3 * page_);
  EXPECT_GE(kept[0].offset + kept[0].bytes, 4 * page_);
  EXPECT_EQ(kept[1].offset + kept[1].bytes, k_pages * page_ - 7);
  EXPECT_LT(kept[0].bytes + kept[1].bytes, k_pages * page_ / 2);
}

TEST_F(Touching, LeavesAllOfWhatIsNoCodeOrNotSeenToBeTouched) {
  EXPECT_EQ(kept_after(PROT_READ, {3}), all_);
  EXPECT_EQ(kept_after(PROT_READ | PROT_EXEC, {}), all_);
}

}  // namespace
}  // namespace coldload::start_set
