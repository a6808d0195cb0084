#include "os/standstill.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "os/subprocess.h"

namespace coldload::os {
namespace {

using std::chrono::milliseconds;

TEST(StandstillWatch, SeesNothingWhereNothingStandsStill) {
  // A hypervisor may pause the machine once, which is one; it does not do so each time.
  constexpr int k_attempts = 3;
  for (int attempt = 1;; ++attempt) {
    StandstillWatch watch;
    std::this_thread::sleep_for(milliseconds(150));
    const Standstill seen = watch.finish();
    const bool nothing = seen.stopped.count() == 0 && seen.suspended.count() == 0;
    if (nothing) break;
    ASSERT_LT(attempt, k_attempts)
        << seen.stopped.count() << " ns stopped, " << seen.suspended.count() << " ns suspended";
  }
}

TEST(StandstillWatch, CountsNoGapInWhichItWaitedForItsOwnPages) {
  const WatchLook before{TimePoint{}, milliseconds(10), 3};
  const WatchLook after{TimePoint{} + milliseconds(900), milliseconds(110), 3};
  EXPECT_EQ(stood_between(before, after, milliseconds(100)), milliseconds(700));
  WatchLook faulted = after;
  ++faulted.major_faults;
  EXPECT_EQ(stood_between(before, faulted, milliseconds(100)).count(), 0);
  // Nobody waits as long as that for pages: they went while it was stopped.
  faulted.at += std::chrono::seconds(5);
  EXPECT_EQ(stood_between(before, faulted, milliseconds(100)), milliseconds(5700));
  WatchLook busy = after;
  busy.run_delay += milliseconds(201);
  EXPECT_EQ(stood_between(before, busy, milliseconds(100)).count(), 0);
}

TEST(StandstillWatch, SeesThatThisProcessWasStopped) {
  SpawnOptions options;
  options.argv = {"sh", "-c", "kill -STOP $PPID; sleep 0.9; kill -CONT $PPID"};
  StandstillWatch watch;
  Subprocess stopper(options);
  ASSERT_TRUE(stopper.wait_until(Clock::now() + std::chrono::seconds(60))->success());
  const Standstill seen = watch.finish();
  EXPECT_GE(seen.stopped, milliseconds(600));  // but for what was left of the sleep
  EXPECT_EQ(seen.suspended.count(), 0);
}

// A real-time thread has the only processor that the watch may use.
TEST(StandstillWatch, TakesNoWaitForAProcessorForOne) {
  cpu_set_t before{};
  cpu_set_t one{};
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  bool may = false;
  {
    StandstillWatch watch;
    std::thread hog([&may] {
      const sched_param priority{1};
      may = ::sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
      const TimePoint end = Clock::now() + milliseconds(800);
      while (may && Clock::now() < end) {
      }
    });
    hog.join();
    EXPECT_EQ(watch.finish().stopped.count(), 0);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  if (!may) GTEST_SKIP() << "needs root, to take a processor away from all others";
}

}  // namespace
}  // namespace coldload::os
