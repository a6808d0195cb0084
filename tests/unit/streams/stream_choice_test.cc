#include "streams/stream_choice.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

namespace coldload::streams {
namespace {

// Reads blocks of 1 MiB for `seconds` from a mount that gives `bytes_per_s` to that many streams,
// without waiting: time is counted.
class Mount {
 public:
  using Rate = std::function<double(unsigned)>;
  explicit Mount(Rate bytes_per_s, std::optional<std::uint64_t> bytes = {})
      : bytes_per_s_(std::move(bytes_per_s)), choice_(16, now_, 1, bytes) {}

  void read(double seconds, bool wanted = true) {
    const os::TimePoint end = now_ + in_clock(seconds);
    while (now_ < end) {
      const unsigned streams = choice_.streams();
      constexpr double k_block_bytes = 1 << 20;
      // All streams' blocks come together.
      now_ += in_clock(k_block_bytes * streams / bytes_per_s_(streams));
      for (unsigned i = 0; i < streams; ++i) {
        bytes_ += k_block_bytes;
        choice_.arrived(1 << 20, wanted, now_);
      }
    }
  }
  [[nodiscard]] unsigned streams() const { return choice_.streams(); }
  [[nodiscard]] bool trying() const { return choice_.trying(); }
  [[nodiscard]] double bytes() const { return bytes_; }

 private:
  static os::Clock::duration in_clock(double seconds) {
    return std::chrono::duration_cast<os::Clock::duration>(std::chrono::duration<double>(seconds));
  }

  Rate bytes_per_s_;
  os::TimePoint now_;
  double bytes_ = 0;
  StreamChoice choice_;
};

TEST(StreamChoice, MoreStreamsAreTakenWhereTheyBringMore) {
  Mount mount([](unsigned streams) { return 50e6 * streams; });
  mount.read(5);
  EXPECT_EQ(mount.streams(), 16U);
  EXPECT_FALSE(mount.trying());
}

TEST(StreamChoice, OneStreamIsKeptWhereTheDaemonWantsOne) {
  Mount mount([](unsigned streams) { return streams == 1 ? 300e6 : 2e6; });
  mount.read(1.5);
  EXPECT_EQ(mount.streams(), 1U);
  mount.read(100);
  EXPECT_EQ(mount.streams(), 1U);
  // What the doubts cost.
  EXPECT_GT(mount.bytes(), 0.9 * 300e6 * 100);
}

TEST(StreamChoice, TheBestNumberStaysWhereMoreIsWorse) {
  Mount mount([](unsigned streams) { return streams <= 4 ? 100e6 * streams : 100e6; });
  mount.read(100);
  EXPECT_EQ(mount.streams(), 4U);
}

TEST(StreamChoice, WhatWasSlowForAMomentIsTriedAgain) {
  bool slow = false;
  Mount mount([&slow](unsigned streams) { return slow ? 1e6 : 50e6 * streams; });
  mount.read(0.15);
  EXPECT_EQ(mount.streams(), 2U);
  slow = true;
  mount.read(1);
  EXPECT_EQ(mount.streams(), 1U);
  slow = false;
  mount.read(10);
  EXPECT_EQ(mount.streams(), 16U);
}

// 100 MB at 300 MB/s are no reason for a trial, though the first MiB takes half a second.
TEST(StreamChoice, TheOpeningOfAStreamIsNoRate) {
  bool is_open = false;
  Mount mount([&](unsigned streams) { return !is_open       ? 2e6
                                             : streams == 1 ? 300e6
                                                            : 2e6; },
              100'000'000);
  mount.read(0.1);
  is_open = true;
  mount.read(0.3);
  EXPECT_EQ(mount.streams(), 1U);
  EXPECT_GT(mount.bytes(), 80e6);
}

// The header was read over another descriptor: the weights' stream is opened after the first block.
TEST(StreamChoice, ASecondOpeningIsNoRateEither) {
  int blocks = 0;
  Mount mount([&](unsigned streams) { return ++blocks <= 2  ? 3.5e6
                                             : streams == 1 ? 300e6
                                                            : 2e6; },
              100'000'000);
  mount.read(0.8);
  EXPECT_EQ(mount.streams(), 1U);
  EXPECT_GT(mount.bytes(), 50e6);
}

// While the second stream is opened, the first has the mount for itself.
TEST(StreamChoice, ATrialLastsLongerThanTheOpeningOfAStream) {
  double flows_bytes = 90e6;
  int blocks = 0;
  Mount mount(
      [&](unsigned streams) {
        if (++blocks == 1) return 3.5e6;  // 0.3 s
        if (streams == 1) return 300e6;
        flows_bytes -= (1 << 20) * streams;
        return flows_bytes > 0 ? 300e6 : 2e6;
      },
      10'000'000'000);
  mount.read(1);
  EXPECT_TRUE(mount.trying());
  mount.read(3);
  EXPECT_EQ(mount.streams(), 1U);
}

TEST(StreamChoice, WhatCollapsesAfterItsTrialIsGivenUp) {
  double lucky_bytes = 60e6;
  Mount mount([&](unsigned streams) {
    if (streams == 1) return 100e6;
    lucky_bytes -= (1 << 20) * streams;
    return lucky_bytes > 0 ? 400e6 : 2e6;
  });
  mount.read(0.3);
  EXPECT_GT(mount.streams(), 1U);
  mount.read(100);
  EXPECT_EQ(mount.streams(), 1U);
}

TEST(StreamChoice, NothingIsTriedForWhatIsReadInAMoment) {
  const auto rate = [](unsigned streams) { return 50e6 * streams; };
  Mount little(rate, 45'000'000);
  little.read(2);
  EXPECT_EQ(little.streams(), 1U);
  Mount much(rate, 10'000'000'000);
  much.read(2);
  EXPECT_EQ(much.streams(), 16U);
}

// Where every thread has a file of its own.
TEST(StreamChoice, NoMoreAreTriedThanAreOfUse) {
  Mount mount([](unsigned streams) { return 50e6 * streams; });
  mount.read(5, false);
  EXPECT_EQ(mount.streams(), 1U);
  EXPECT_FALSE(mount.trying());
}

}  // namespace
}  // namespace coldload::streams
