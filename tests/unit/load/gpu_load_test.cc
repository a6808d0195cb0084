// Loads into GPU memory, against a driver whose copies run late and read their source only then
// (tests/fakes/fake_cuda.cc), and into host memory.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "load/arena.h"
#include "load/layout.h"
#include "load/loader.h"
#include "os/file.h"
#include "unit/gpu/fake_cuda.h"
#include "unit/load/shards.h"

namespace coldload::load {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string contents(const Shard& shard) { return os::read_text(shard.path, 1U << 30U); }

// The fake's GPU memory is host memory.
std::string contents(const Arena& arena, std::uint64_t shard, std::uint64_t bytes) {
  std::string text(bytes, '\0');
  const std::uint64_t address = arena.address(shard, 0);
  const char* from = nullptr;
  std::memcpy(&from, &address, sizeof from);
  if (bytes > 0) std::memcpy(text.data(), from, bytes);
  return text;
}

enum class Cache { absent, resident, half };

class GpuLoad : public testing::Test {
 protected:
  GpuLoad() {
    gpu::clear_fake_cuda_environment();
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    options_.into = Into::gpu;
    options_.threads = 3;
    options_.ring_bytes = 24 * k_mib;
    options_.verify = true;
  }
  ~GpuLoad() override { gpu::clear_fake_cuda_environment(); }
  void SetUp() override { ASSERT_TRUE(gpu::load_fake_cuda()); }

  std::string error_of(const std::vector<Shard>& shards) {
    try {
      (void)Loader(options_).load(shards);
    } catch (const os::Error& error) {
      return error.what();
    }
    return "no error";
  }

  ScratchFolder folder_;
  Options options_;
};

class GpuLoadFrom : public GpuLoad, public testing::WithParamInterface<std::tuple<Cache, bool>> {
 protected:
  void SetUp() override {
    const bool batches = std::get<1>(GetParam());
    ASSERT_TRUE(batches ? gpu::load_fake_cuda() : gpu::load_fake_cuda_12());
  }
};

TEST_P(GpuLoadFrom, BringsEveryByteToItsPlace) {
  const std::vector<Shard> shards{folder_.shard(30 * k_mib + 4097), folder_.shard(1),
                                  folder_.shard(0), folder_.shard(9 * k_mib)};
  const std::string expected = reference_checksum(shards);
  for (const Shard& shard : shards) {
    if (std::get<0>(GetParam()) == Cache::absent) evict(shard);
    if (std::get<0>(GetParam()) == Cache::half) evict_half(shard);
  }
  const Result result = Loader(options_).load(shards);
  EXPECT_EQ(result.checksum, expected);
  ASSERT_TRUE(result.arena);
  EXPECT_TRUE(result.arena->on_gpu());
  for (std::size_t i = 0; i < shards.size(); ++i) {
    EXPECT_TRUE(contents(*result.arena, i, shards[i].bytes) == contents(shards[i])) << i;
    EXPECT_EQ((result.arena->address(i, 0) - result.arena->address(0, 0)) % k_block_bytes, 0U);
  }
  EXPECT_TRUE(result.context_s && result.pin_s && result.allocate_s);
  EXPECT_LE(result.ring_bytes, options_.ring_bytes);
}

std::string name_of(const testing::TestParamInfo<std::tuple<Cache, bool>>& info) {
  const char* const names[] = {"Absent", "Resident", "Half"};
  return std::string(names[static_cast<int>(std::get<0>(info.param))]) +
         (std::get<1>(info.param) ? "InBatches" : "OneByOne");
}

INSTANTIATE_TEST_SUITE_P(
    All, GpuLoadFrom,
    testing::Combine(testing::Values(Cache::absent, Cache::resident, Cache::half), testing::Bool()),
    name_of);

class GpuLoadByThreads : public GpuLoad, public testing::WithParamInterface<bool> {};

// Where a request waits in a thread, each thread has many slots all the same, for the copies.
TEST_P(GpuLoadByThreads, BringsEveryByteFromStorage) {
  if (GetParam()) {
    options_.pacing = Pacing{1e9, std::chrono::milliseconds(1)};
  } else {
    options_.use_io_uring = false;
  }
  const std::vector<Shard> shards{folder_.shard(60 * k_mib + 5), folder_.shard(7 * k_mib)};
  const std::string expected = reference_checksum(shards);
  for (const unsigned threads : {1U, 3U}) {
    options_.threads = threads;
    for (const Shard& shard : shards) evict(shard);
    const Result result = Loader(options_).load(shards);
    EXPECT_EQ(result.checksum, expected);
    EXPECT_LE(result.in_flight, threads);
  }
}

INSTANTIATE_TEST_SUITE_P(All, GpuLoadByThreads, testing::Bool());

TEST_F(GpuLoad, NeverFillsASlotThatIsStillCopied) {
  ::setenv("FAKE_CUDA_COPY_DELAY_US", "3000", 1);
  options_.threads = 1;
  options_.ring_bytes = 2 * k_mib;
  const std::vector<Shard> shards{folder_.shard(40 * k_mib)};
  const Result result = Loader(options_).load(shards);
  EXPECT_TRUE(contents(*result.arena, 0, shards[0].bytes) == contents(shards[0]));
}

TEST_F(GpuLoad, WorksWithTheSmallestRing) {
  options_.ring_bytes = k_mib;
  const std::vector<Shard> shards{folder_.shard(5 * k_mib + 3)};
  EXPECT_EQ(Loader(options_).load(shards).checksum, reference_checksum(shards));
}

TEST_F(GpuLoad, KeepsWhatItLoadedWhenTheLoaderIsGone) {
  const std::vector<Shard> shards{folder_.shard(3 * k_mib)};
  Result result;
  {
    Loader loader(options_);
    loader.prepare();
    result = loader.load(shards);
  }
  EXPECT_TRUE(contents(*result.arena, 0, shards[0].bytes) == contents(shards[0]));
}

TEST_F(GpuLoad, LeavesNothingBehind) {
  ::setenv("FAKE_CUDA_LEAKS", "report", 1);
  testing::internal::CaptureStderr();
  { Loader never_used(options_); }
  { (void)Loader(options_).load({folder_.shard(20 * k_mib)}); }
  ::setenv("FAKE_CUDA", "lost-after=3", 1);
  (void)error_of({folder_.shard(20 * k_mib)});
  ::setenv("FAKE_CUDA", "pin-fails", 1);
  (void)error_of({folder_.shard(k_mib)});
  ::setenv("FAKE_CUDA", "no-memory", 1);
  (void)error_of({folder_.shard(k_mib)});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::Not(HasSubstr("leaked")));
}

TEST_F(GpuLoad, RefusesWhatDoesNotFitBeforeItReadsAnything) {
  ::setenv("FAKE_CUDA_MEMORY_MIB", "10", 1);
  const Shard shard = folder_.shard(20 * k_mib);
  evict(shard);
  EXPECT_THAT(error_of({shard}), AllOf(HasSubstr("needed 20 MiB"), HasSubstr("free 10 MiB")));
  EXPECT_EQ(resident_bytes(shard), 0U);
}

TEST_F(GpuLoad, SaysWhatIsMissingWhenMemoryGoesMeanwhile) {
  ::setenv("FAKE_CUDA", "no-memory", 1);
  EXPECT_THAT(error_of({folder_.shard(2 * k_mib)}), HasSubstr("needed 2 MiB"));
}

TEST_F(GpuLoad, FindsAByteThatArrivedWrong) {
  ::setenv("FAKE_CUDA", "corrupt=3", 1);
  EXPECT_THAT(error_of({folder_.shard(20 * k_mib)}),
              HasSubstr("what arrived in GPU memory is not what was read"));
}

TEST_F(GpuLoad, EndsWhenTheGpuIsLost) {
  ::setenv("FAKE_CUDA", "lost-after=2", 1);
  const Shard shard = folder_.shard(40 * k_mib);
  EXPECT_THAT(error_of({shard}), HasSubstr("Xid"));
  evict(shard);
  EXPECT_THAT(error_of({shard}), HasSubstr("Xid"));
}

TEST_F(GpuLoad, SaysWhatToDoWhereTheRingCannotBePinned) {
  ::setenv("FAKE_CUDA", "pin-fails", 1);
  EXPECT_THAT(error_of({folder_.shard(k_mib)}), AllOf(HasSubstr("pin"), HasSubstr("ulimit -l")));
  Loader loader(options_);
  EXPECT_THROW(loader.prepare(), os::Error);
}

TEST_F(GpuLoad, SaysWhichGpuIsNotThere) {
  options_.gpu = 7;
  EXPECT_THAT(error_of({folder_.shard(1)}), HasSubstr("cannot use GPU 7"));
}

TEST_F(GpuLoad, GivesUpOnAGpuThatDoesNotAnswer) {
  ::setenv("FAKE_CUDA_COPY_DELAY_US", "60000000", 1);
  options_.io_stall_timeout = std::chrono::milliseconds(200);
  const Shard shard = folder_.shard(4 * k_mib);
  // Threads that hang end with the process; the folder is the child's own.
  const auto leave = [this](int code) {
    folder_.remove();
    ::_exit(code);
  };
  EXPECT_EXIT(
      {
        gpu::load_fake_cuda();
        try {
          (void)Loader(options_).load({shard});
        } catch (const os::StallError& error) {
          std::fprintf(stderr, "%s\n", error.what());
          leave(3);
        }
        leave(0);
      },
      testing::ExitedWithCode(3), "the GPU has not finished a copy for 0.2 s");
}

class HostLoadFrom : public testing::TestWithParam<bool> {};

TEST_P(HostLoadFrom, BringsEveryByteToItsPlace) {
  ScratchFolder folder;
  const std::vector<Shard> shards{folder.shard(11 * k_mib + 4097), folder.shard(0),
                                  folder.shard(77)};
  for (const Shard& shard : shards) evict_half(shard);
  Options options;
  options.into = Into::host;
  options.use_io_uring = GetParam();
  options.verify = true;
  const Result result = Loader(options).load(shards);
  EXPECT_EQ(result.checksum, reference_checksum(shards));
  EXPECT_FALSE(result.arena->on_gpu());
  for (std::size_t i = 0; i < shards.size(); ++i) {
    EXPECT_TRUE(contents(*result.arena, i, shards[i].bytes) == contents(shards[i])) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, HostLoadFrom, testing::Bool());

TEST(HostLoad, RefusesWhatThisMachineHasNoRoomFor) {
  ScratchFolder folder;
  const Shard sparse{folder.shard(0).path, 1ULL << 45};
  ASSERT_EQ(::truncate(sparse.path.c_str(), 1LL << 43), 0);
  Options options;
  options.into = Into::host;
  try {
    (void)Loader(options).load({{sparse.path, 1ULL << 43}});
    FAIL();
  } catch (const os::Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("needed 8388608 MiB"), HasSubstr("free")));
  }
}

class PageCacheAfter : public testing::TestWithParam<bool> {};

TEST_P(PageCacheAfter, IsAsItWasFound) {
  ScratchFolder folder;
  const std::vector<Shard> shards{folder.shard(70 * k_mib + 5000), folder.shard(9 * k_mib)};
  std::vector<Kept> kept;
  kept.reserve(shards.size());
  for (const Shard& shard : shards) kept.emplace_back(shard, every_second_mib);
  std::vector<std::uint64_t> before;
  before.reserve(shards.size());
  for (const Shard& shard : shards) before.push_back(resident_bytes(shard));
  Options options;
  options.use_direct = GetParam();
  (void)Loader(options).load(shards);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    EXPECT_EQ(resident_bytes(shards[i]), before[i]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, PageCacheAfter, testing::Bool());

TEST(PageCache, IsAsItWasFoundWhereReadaheadRunsFromPartToPart) {
  ScratchFolder folder;
  const Shard shard = folder.shard(200 * k_mib);
  evict(shard);
  Options options;
  options.use_direct = false;
  options.use_io_uring = false;
  options.threads = 1;
  (void)Loader(options).load({shard});
  EXPECT_EQ(resident_bytes(shard), 0U);
}

// Some machines take back clean pages every few seconds, before the test can look: not in most
// tries.
TEST(PageCache, KeepsWhatWasReadWhereThatIsWanted) {
  constexpr int k_tries = 15;
  ScratchFolder folder;
  const Shard shard = folder.shard(9 * k_mib);
  Options options;
  options.keep_pages = true;
  int ahead = 0;
  for (int i = 0; i < k_tries && ahead < 2; ++i) {
    evict(shard);
    (void)Loader(options).load({shard});
    ahead += resident_bytes(shard) >= shard.bytes ? 1 : -1;
  }
  EXPECT_EQ(ahead, 2) << "more tries without all pages than with them";
}

}  // namespace
}  // namespace coldload::load
