// What happens when storage misbehaves: each fault is put below the loader's reads, or done to the
// file for real.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "load/io.h"
#include "load/loader.h"
#include "unit/load/shards.h"

namespace coldload::load {
namespace {

using testing::HasSubstr;

// Changes requests on their way down and outcomes on their way up.
class FaultyIo final : public Io {
 public:
  using Before = std::function<ReadRequest(ReadRequest)>;
  // What the kernel answers instead; nothing: ask it.
  using Instead = std::function<std::optional<int>(const ReadRequest&)>;
  using After = std::function<ReadOutcome(ReadOutcome)>;
  FaultyIo(std::unique_ptr<Io> real, Before before, Instead instead, After after)
      : real_(std::move(real)),
        before_(std::move(before)),
        instead_(std::move(instead)),
        after_(std::move(after)) {}

  void submit(const ReadRequest& request) override {
    if (const auto answer = instead_ ? instead_(request) : std::nullopt) {
      answered_.push_back({request.slot, *answer});
    } else {
      real_->submit(before_ ? before_(request) : request);
    }
  }
  std::optional<ReadOutcome> finished(Wait wait) override {
    if (answered_.empty()) {
      auto outcome = real_->finished(wait);
      if (outcome && after_) outcome = after_(*outcome);
      return outcome;
    }
    const ReadOutcome outcome = answered_.back();
    answered_.pop_back();
    return outcome;
  }

 private:
  std::unique_ptr<Io> real_;
  Before before_;
  Instead instead_;
  After after_;
  std::vector<ReadOutcome> answered_;
};

Loader::WrapIo faulty(FaultyIo::Before before, FaultyIo::Instead instead,
                      FaultyIo::After after = {}) {
  return [=](std::unique_ptr<Io> real) -> std::unique_ptr<Io> {
    return std::make_unique<FaultyIo>(std::move(real), before, instead, after);
  };
}

// Both ways of reading, cold and resident.
class EveryEngine : public testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  EveryEngine() {
    options_.use_io_uring = std::get<0>(GetParam());
    options_.verify = true;
    options_.threads = 2;
    options_.ring_bytes = 16 * k_mib;
  }
  std::vector<Shard> shards(std::vector<std::uint64_t> sizes) {
    std::vector<Shard> result;
    for (const std::uint64_t bytes : sizes) result.push_back(folder_.shard(bytes));
    expected_ = reference_checksum(result);
    if (std::get<1>(GetParam())) {
      for (const Shard& shard : result) evict(shard);
    }
    return result;
  }
  // The message of the error that loading gives.
  std::string error_of(const std::vector<Shard>& shards, const Loader::WrapIo& wrap) {
    try {
      (void)Loader(options_, wrap).load(shards);
    } catch (const os::Error& error) {
      return error.what();
    }
    return "no error";
  }

  ScratchFolder folder_;
  Options options_;
  std::string expected_;
};

INSTANTIATE_TEST_SUITE_P(All, EveryEngine, testing::Combine(testing::Bool(), testing::Bool()),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param) ? "IoUring" : "Pread") +
                                  (std::get<1>(param.param) ? "Absent" : "Resident");
                         });

TEST_P(EveryEngine, ReadsOnAfterShortReadsOfAnyLength) {
  for (const int most : {1000, 4096, 300'000}) {
    const auto files = shards({2 * k_mib + 10'001, 5});
    std::atomic<unsigned> count{0};
    const auto after = [&](ReadOutcome outcome) {
      if (count++ % 3 != 0) outcome.result = std::min(outcome.result, most);
      return outcome;
    };
    Loader loader(options_, faulty({}, {}, after));
    const Result result = loader.load(files);
    EXPECT_EQ(result.checksum, expected_) << most;
    // O_DIRECT goes on at an aligned offset.
    EXPECT_THAT(result.fallbacks, testing::Not(testing::Contains(HasSubstr("refused by read"))));
  }
}

TEST_P(EveryEngine, TriesAgainWhenInterrupted) {
  const auto files = shards({6 * k_mib});
  std::atomic<unsigned> count{0};
  const auto instead = [&](const ReadRequest&) -> std::optional<int> {
    if (count++ % 2 == 0) return -EINTR;
    return std::nullopt;
  };
  Loader loader(options_, faulty({}, instead));
  EXPECT_EQ(loader.load(files).checksum, expected_);
}

TEST_P(EveryEngine, NamesPathAndOffsetOfAReadError) {
  const auto files = shards({3 * k_mib, 9 * k_mib});
  const auto instead = [](const ReadRequest& request) -> std::optional<int> {
    if (request.offset == 4 * k_mib) return -EIO;
    return std::nullopt;
  };
  EXPECT_EQ(error_of(files, faulty({}, instead)),
            "cannot read " + files[1].path + " at offset 4194304: Input/output error");
}

TEST_P(EveryEngine, ReadsLittleMoreAfterAnError) {
  const auto files = shards({64 * k_mib});
  options_.pacing = Pacing{4e6, {}};
  std::atomic<unsigned> count{0};
  const auto instead = [&](const ReadRequest&) -> std::optional<int> {
    if (count++ == 0) return -EIO;
    return std::nullopt;
  };
  EXPECT_THAT(error_of(files, faulty({}, instead)), HasSubstr("Input/output error"));
  EXPECT_LT(count, 8U);
}

TEST_P(EveryEngine, NoticesAFileThatIsTruncatedMeanwhile) {
  const auto files = shards({8 * k_mib});
  std::atomic<bool> done{false};
  const auto before = [&](ReadRequest request) {
    if (!done.exchange(true)) {
      EXPECT_EQ(::truncate(files[0].path.c_str(), 5000), 0);
    }
    return request;
  };
  const std::string message = error_of(files, faulty(before, {}));
  EXPECT_THAT(message, HasSubstr(files[0].path));
  EXPECT_THAT(message, HasSubstr("at offset"));
  EXPECT_THAT(message, HasSubstr("truncated"));
}

TEST_P(EveryEngine, NoticesAFileThatIsWrittenToMeanwhile) {
  const auto files = shards({8 * k_mib});
  std::atomic<bool> done{false};
  const auto before = [&](ReadRequest request) {
    if (!done.exchange(true)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // a coarse mtime moves on
      const os::Fd file = os::open_file(files[0].path, O_WRONLY);
      EXPECT_EQ(::pwrite(file.get(), "x", 1, 0), 1);
    }
    return request;
  };
  EXPECT_THAT(error_of(files, faulty(before, {})), HasSubstr("changed during the load"));
}

TEST_P(EveryEngine, RefusesAFileOfAnotherSizeThanItsHeaderSaid) {
  auto files = shards({8 * k_mib, 2 * k_mib});
  files[1].bytes += 1;
  const std::string message = error_of(files, faulty({}, {}));
  EXPECT_THAT(message, HasSubstr(files[1].path));
  EXPECT_THAT(message, HasSubstr("2097153 bytes, now 2097152"));
}

TEST_P(EveryEngine, NamesAFileThatIsNotThere) {
  auto files = shards({8 * k_mib, 2 * k_mib});
  std::filesystem::remove(files[1].path);
  EXPECT_EQ(error_of(files, faulty({}, {})),
            "cannot open " + files[1].path + ": No such file or directory");
}

TEST_P(EveryEngine, EndsWhenTheCallersProgressThrows) {
  const auto files = shards({64 * k_mib});
  options_.pacing = Pacing{10e6, {}};
  Loader loader(options_);
  EXPECT_THROW((void)loader.load(files, [](std::uint64_t) { throw os::Error("enough"); }),
               os::Error);
}

TEST(LoaderFaults, ReadsThroughThePageCacheWhereODirectIsRefusedByTheRead) {
  ScratchFolder folder;
  const std::vector<Shard> files{folder.shard(5 * k_mib + 3), folder.shard(12)};
  const std::string expected = reference_checksum(files);
  for (const bool use_io_uring : {true, false}) {
    for (const Shard& file : files) evict(file);
    const auto instead = [](const ReadRequest& request) -> std::optional<int> {
      if (!request.buffered) return -EINVAL;
      return std::nullopt;
    };
    Options options;
    options.verify = true;
    options.use_io_uring = use_io_uring;
    const Result result = Loader(options, faulty({}, instead)).load(files);
    EXPECT_EQ(result.checksum, expected);
    EXPECT_EQ(result.routes.io_uring_buffered + result.routes.pread_buffered, total_bytes(files));
  }
}

// Holds back the first read at or behind an offset until it is let go.
class Gate {
 public:
  void pass(std::uint64_t offset) {
    if (offset < k_mib) return;
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

// Counts the Ios that still live, so that a test can wait for threads that were left behind.
class CountedIo final : public Io {
 public:
  CountedIo(std::unique_ptr<Io> real, Gate& gate, std::atomic<int>& alive)
      : real_(std::move(real)), gate_(gate), alive_(alive) {
    ++alive_;
  }
  ~CountedIo() override { --alive_; }
  void submit(const ReadRequest& request) override {
    gate_.pass(request.offset);
    real_->submit(request);
  }
  std::optional<ReadOutcome> finished(Wait wait) override { return real_->finished(wait); }

 private:
  std::unique_ptr<Io> real_;
  Gate& gate_;
  std::atomic<int>& alive_;
};

TEST(LoaderFaults, ReportsAReadThatDoesNotReturnAndLeavesItsThreadBehind) {
  ScratchFolder folder;
  const std::vector<Shard> files{folder.shard(16 * k_mib)};
  Gate gate;
  std::atomic<int> alive{0};
  Options options;
  options.io_stall_timeout = std::chrono::milliseconds(50);
  std::string message;
  {
    Loader loader(options, [&](std::unique_ptr<Io> real) -> std::unique_ptr<Io> {
      return std::make_unique<CountedIo>(std::move(real), gate, alive);
    });
    try {
      (void)loader.load(files);
    } catch (const os::StallError& error) {
      message = error.what();
    }
  }
  EXPECT_THAT(message, HasSubstr("cannot read " + files[0].path + " at offset "));
  EXPECT_THAT(message, HasSubstr("no answer for 0."));
  gate.open();
  while (alive > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace coldload::load
