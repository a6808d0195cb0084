#include "load/loader.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load/uring_io.h"
#include "unit/load/shards.h"

namespace coldload::load {
namespace {

enum class Route { io_uring, pread_direct, pread_buffered };
enum class Cache { absent, resident, half };

Options options_for(Route route) {
  Options options;
  options.verify = true;
  options.threads = 3;
  options.ring_bytes = 24 * k_mib;
  options.use_io_uring = route == Route::io_uring;
  options.use_direct = route != Route::pread_buffered;
  return options;
}

void set_cache(const std::vector<Shard>& shards, Cache cache) {
  for (const Shard& shard : shards) {
    if (cache == Cache::absent) evict(shard);
    if (cache == Cache::half) evict_half(shard);
  }
}

class EveryRoute : public testing::TestWithParam<std::tuple<Route, Cache>> {
 protected:
  // Loads `shards` and holds what arrived against a sequential reader.
  Result load_and_compare(const std::vector<Shard>& shards, const Options& options) {
    const std::string expected = reference_checksum(shards);
    set_cache(shards, std::get<Cache>(GetParam()));
    Loader loader(options);
    Result result = loader.load(shards);
    EXPECT_EQ(result.checksum, expected);
    EXPECT_EQ(result.bytes, total_bytes(shards));
    EXPECT_EQ(total_bytes(result.routes), total_bytes(shards));
    EXPECT_LE(result.ring_bytes, options.ring_bytes);
    return result;
  }
  [[nodiscard]] Options options() const { return options_for(std::get<Route>(GetParam())); }

  ScratchFolder folder_;
};

TEST_P(EveryRoute, BringsEveryByteOnceAtSizesAroundEveryBoundary) {
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{511}, std::uint64_t{4095},
        std::uint64_t{4096}, std::uint64_t{4097}, k_mib - 1, k_mib, k_mib + 1, 4 * k_mib - 1,
        4 * k_mib, 4 * k_mib + 1, 9 * k_mib + 4097, 70 * k_mib + 3}) {
    SCOPED_TRACE(bytes);
    load_and_compare({folder_.shard(bytes)}, options());
  }
}

TEST_P(EveryRoute, SplitsManyShardsOfAllSizes) {
  std::vector<Shard> shards;
  for (std::uint64_t i = 0; i < 200; ++i) {
    shards.push_back(folder_.shard(i % 10 == 9 ? 3 * k_mib + i : i * 97 % 5000));
  }
  load_and_compare(shards, options());
}

TEST_P(EveryRoute, WorksWithTheSmallestRing) {
  Options small = options();
  small.ring_bytes = k_mib;
  const Result result = load_and_compare({folder_.shard(7 * k_mib + 11)}, small);
  EXPECT_EQ(result.threads, 1U);
  EXPECT_EQ(result.queue_depth, 1U);
}

TEST_P(EveryRoute, WorksWithMoreThreadsThanPieces) {
  Options many = options();
  many.threads = 16;
  many.ring_bytes = 64 * k_mib;
  load_and_compare({folder_.shard(5000), folder_.shard(1)}, many);
}

std::string name_of(const testing::TestParamInfo<std::tuple<Route, Cache>>& info) {
  static const char* const k_routes[] = {"IoUring", "PreadDirect", "PreadBuffered"};
  static const char* const k_caches[] = {"Absent", "Resident", "Half"};
  return std::string(k_routes[static_cast<int>(std::get<0>(info.param))]) +
         k_caches[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryRoute,
    testing::Combine(testing::Values(Route::io_uring, Route::pread_direct, Route::pread_buffered),
                     testing::Values(Cache::absent, Cache::resident, Cache::half)),
    name_of);

TEST(Loader, GivesTheSameChecksumForEveryNumberOfThreadsAndSizeOfRing) {
  ScratchFolder folder;
  const std::vector<Shard> shards{folder.shard(13 * k_mib + 77), folder.shard(5 * k_mib)};
  const std::string expected = reference_checksum(shards);
  for (const unsigned threads : {0U, 1U, 2U, 7U}) {
    for (const std::uint64_t ring : {k_mib, 5 * k_mib, 40 * k_mib}) {
      Options options;
      options.verify = true;
      options.threads = threads;
      options.ring_bytes = ring;
      EXPECT_EQ(Loader(options).load(shards).checksum, expected);
    }
  }
}

// What the routes are for, on a disk that takes O_DIRECT.
class OnADisk : public testing::Test {
 protected:
  void SetUp() override {
    if (!io_uring_availability().ok) GTEST_SKIP() << io_uring_availability().reason;
    const os::Fd file =
        os::Fd(::open(shard_.path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC), shard_.path);
    if (!file.valid()) GTEST_SKIP() << "/var/tmp refuses O_DIRECT";
    evict(shard_);
    if (resident_bytes(shard_) > 0) GTEST_SKIP() << "/var/tmp cannot be evicted";
  }
  ScratchFolder folder_;
  Shard shard_ = folder_.shard(16 * k_mib + 5);
};

TEST_F(OnADisk, WhatIsNotInThePageCacheIsReadDirectlyAndStaysOut) {
  const Result result = Loader(Options{}).load({shard_});
  EXPECT_EQ(result.routes.io_uring_direct, shard_.bytes);
  EXPECT_THAT(result.fallbacks, testing::IsEmpty());
  EXPECT_EQ(resident_bytes(shard_), 0U);
}

TEST_F(OnADisk, WhatIsInThePageCacheIsReadFromThere) {
  const Kept kept(shard_, every_page);
  ASSERT_GE(resident_bytes(shard_), shard_.bytes);
  const Result result = Loader(Options{}).load({shard_});
  EXPECT_EQ(result.routes.pread_buffered, shard_.bytes);
  EXPECT_GE(resident_bytes(shard_), shard_.bytes);
}

TEST_F(OnADisk, EachExtentOfAHalfResidentFileTakesItsRouteAndTheCacheStaysAsItWas) {
  const Kept kept(shard_, every_second_mib);
  const std::uint64_t resident = resident_bytes(shard_);
  ASSERT_EQ(resident, 8 * k_mib + os::page_size());
  const Result result = Loader(Options{}).load({shard_});
  EXPECT_EQ(result.routes.pread_buffered, 8 * k_mib + 5);
  EXPECT_EQ(result.routes.io_uring_direct, 8 * k_mib);
  EXPECT_EQ(resident_bytes(shard_), resident);
}

TEST_F(OnADisk, RefusedRoutesAreNamed) {
  Options options;
  options.use_io_uring = false;
  const Result result = Loader(options).load({shard_});
  EXPECT_EQ(result.routes.pread_direct, shard_.bytes);
  EXPECT_THAT(result.fallbacks, testing::ElementsAre(testing::HasSubstr("read by pread")));
}

TEST(Loader, LoadsFromATmpfs) {
  if (::access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm";
  ScratchFolder folder("/dev/shm");
  const std::vector<Shard> shards{folder.shard(6 * k_mib + 5), folder.shard(0), folder.shard(99)};
  Options options;
  options.verify = true;
  const Result result = Loader(options).load(shards);
  EXPECT_EQ(result.checksum, reference_checksum(shards));
  EXPECT_EQ(result.routes.pread_buffered, total_bytes(shards));
}

TEST(Loader, OpensFewOfManyShardsAtATimeAndClosesAll) {
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  ScratchFolder folder;
  std::vector<Shard> shards;
  for (int i = 0; i < 1000; ++i) shards.push_back(folder.shard(64));
  const std::string expected = reference_checksum(shards);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const auto before = open_files();
  const rlimit few{400, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  Options options;
  options.verify = true;
  std::string checksum;
  EXPECT_NO_THROW(checksum = *Loader(options).load(shards).checksum);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_EQ(checksum, expected);
  EXPECT_EQ(open_files(), before);
}

TEST(Loader, PassesOverEmptyShardsHoweverMany) {
  ScratchFolder folder;
  std::vector<Shard> shards;
  for (std::uint64_t i = 0; i < 400; ++i) shards.push_back(folder.shard(i % 150 == 50 ? 7 : 0));
  EXPECT_EQ(Loader(Options{}).load(shards).bytes, 21U);
}

TEST(Loader, OfNoShardsIsDoneAtOnce) {
  const Result result = Loader(Options{}).load({});
  EXPECT_EQ(result.bytes, 0U);
  EXPECT_EQ(result.checksum, std::nullopt);
}

TEST(Loader, LoadsOnce) {
  ScratchFolder folder;
  Loader loader(Options{});
  (void)loader.load({folder.shard(1)});
  EXPECT_THROW((void)loader.load({folder.shard(1)}), os::Error);
}

TEST(Loader, MayBeDestroyedUnused) { Loader loader(Options{}); }

TEST(Loader, HoldsPacedReadsBackAndBringsTheSameBytes) {
  ScratchFolder folder;
  const std::vector<Shard> shards{folder.shard(9 * k_mib + 1)};
  Options options;
  options.verify = true;
  options.pacing = Pacing{200e6, std::chrono::milliseconds(1)};
  const Result result = Loader(options).load(shards);
  EXPECT_EQ(result.checksum, reference_checksum(shards));
  // Never faster than the rate; how much slower depends on the machine.
  EXPECT_GE(result.read_s, static_cast<double>(result.bytes) / 200e6);
}

}  // namespace
}  // namespace coldload::load
