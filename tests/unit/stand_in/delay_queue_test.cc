#include "stand_in/delay_queue.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "os/error.h"
#include "unit/os/few_threads.h"

namespace coldload::stand_in {
namespace {

using namespace std::chrono_literals;

// Waits until `count` reaches `wanted`; the limit only ends a test that hangs.
bool reaches(const std::atomic<int>& count, int wanted) {
  const auto limit = os::Clock::now() + 30s;
  while (count.load() < wanted) {
    if (os::Clock::now() > limit) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

TEST(DelayQueue, NoJobRunsBeforeItIsDue) {
  std::atomic<int> ran{0};
  std::atomic<int> early{0};
  DelayQueue queue(2);
  const auto now = os::Clock::now();
  for (int i = 0; i < 50; ++i) {
    const auto due = now + std::chrono::milliseconds((i * 37) % 50);
    queue.push(due, [&, due](JobEnd) {
      if (os::Clock::now() < due) ++early;
      ++ran;
    });
  }
  EXPECT_TRUE(reaches(ran, 50));
  EXPECT_EQ(early.load(), 0);
}

TEST(DelayQueue, RunsInOrderOfDueTimeAndThenOfArrival) {
  std::mutex mutex;
  std::vector<int> order;
  std::atomic<int> ran{0};
  DelayQueue queue(1);
  const auto later = os::Clock::now() + 500ms;  // when all are there
  const auto add = [&](os::TimePoint due, int number) {
    queue.push(due, [&, number](JobEnd) {
      const std::lock_guard lock(mutex);
      order.push_back(number);
      ++ran;
    });
  };
  add(later + 2ms, 4);
  add(later + 1ms, 2);
  add(later + 1ms, 3);
  add(later, 1);
  ASSERT_TRUE(reaches(ran, 4));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(DelayQueue, ASlowJobDoesNotHoldTheOthers) {
  std::atomic<int> ran{0};
  std::atomic<bool> go_on{false};
  DelayQueue queue(2);
  queue.push(os::Clock::now(), [&](JobEnd) {
    while (!go_on.load()) std::this_thread::sleep_for(1ms);
  });
  for (int i = 0; i < 20; ++i) {
    queue.push(os::Clock::now() + 5ms, [&](JobEnd) { ++ran; });
  }
  EXPECT_TRUE(reaches(ran, 20));
  go_on.store(true);
}

TEST(DelayQueue, StopCancelsEveryJobThatWaitsAndAnyThatComesLater) {
  std::atomic<int> due{0};
  std::atomic<int> cancelled{0};
  const auto job = [&](JobEnd end) { ++(end == JobEnd::due ? due : cancelled); };
  DelayQueue queue(2);
  for (int i = 0; i < 100; ++i) queue.push(os::Clock::now() + 1h, job);
  queue.stop();
  EXPECT_EQ(cancelled.load(), 100);
  queue.push(os::Clock::now(), job);
  EXPECT_EQ(cancelled.load(), 101);
  EXPECT_EQ(due.load(), 0);
}

TEST(DelayQueue, TakesJobsFromManyThreads) {
  std::atomic<int> ran{0};
  DelayQueue queue(3);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        queue.push(os::Clock::now() + std::chrono::microseconds(i), [&](JobEnd) { ++ran; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(reaches(ran, 2000));
}

TEST(DelayQueueDeathTest, ALimitOnProcessesIsAnError) {
  NEEDS_ROOT();
  const auto ask_for_four = [] {
    try {
      const DelayQueue queue(4);
    } catch (const os::Error& error) {
      std::fputs(error.what(), stderr);
      return 3;
    }
    return 4;
  };
  EXPECT_EXIT(os::exit_with_few_threads(2, ask_for_four), testing::ExitedWithCode(3),
              "cannot start 4 threads");
}

}  // namespace
}  // namespace coldload::stand_in
