#include "os/crew.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/error.h"
#include "unit/os/few_threads.h"

namespace coldload::os {
namespace {

TimePoint in_s(int s) { return Clock::now() + std::chrono::seconds(s); }

TEST(Crew, RunsItsBodyOnceForEachNumber) {
  std::vector<std::atomic<int>> runs(16);
  Crew crew(16, [&](unsigned index) { ++runs[index]; });
  EXPECT_EQ(crew.size(), 16U);
  crew.join();
  for (const auto& count : runs) EXPECT_EQ(count, 1);
  EXPECT_EQ(crew.size(), 0U);
}

TEST(Crew, NobodyIsThroughAtOnce) {
  Crew crew;
  EXPECT_EQ(crew.size(), 0U);
  EXPECT_TRUE(crew.wait_until(Clock::now()));
  EXPECT_EQ(crew.problem(), nullptr);
  crew.join();
}

TEST(Crew, WhatAThreadThrowsComesOutWhenAllHaveEnded) {
  std::promise<void> release;
  std::atomic<bool> other_ended{false};
  Crew crew(2, [&, released = release.get_future().share()](unsigned index) {
    if (index == 0) throw Error("no. 0");
    released.wait();
    other_ended = true;
  });
  while (!crew.problem()) std::this_thread::yield();
  EXPECT_FALSE(crew.wait_until(Clock::now()));
  release.set_value();
  try {
    crew.join();
    FAIL() << "nothing came out";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "no. 0");
  }
  EXPECT_TRUE(other_ended);
}

TEST(Crew, ItsEndWaitsForThreadsThatThrew) {
  std::atomic<int> through{0};
  {
    const Crew crew(4, [&](unsigned) {
      ++through;
      throw Error("lost");
    });
  }
  EXPECT_EQ(through, 4);
}

TEST(Crew, ANewCrewTakesTheOldOnesPlaceWhenThatHasEnded) {
  std::atomic<int> through{0};
  Crew crew(3, [&](unsigned) { ++through; });
  crew = Crew(1, [&](unsigned) { through += through == 3 ? 10 : 100; });
  crew.join();
  EXPECT_GE(through, 13);
  EXPECT_EQ(crew.size(), 0U);
}

TEST(Crew, OneThatIsLeftBehindKeepsWhatItUses) {
  auto release = std::make_unique<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  {
    const auto used = std::make_shared<int>(7);
    Crew crew(1, [used, ended, released = release->get_future().share()](unsigned) {
      released.wait();
      EXPECT_EQ(*used, 7);
      ended->set_value();
    });
    EXPECT_FALSE(crew.wait_until(Clock::now()));
    crew.leave_behind();
  }
  release->set_value();
  ended->get_future().wait();
}

TEST(Crew, ASignalReachesEachThread) {
  static std::atomic<int> arrived{0};
  arrived = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { ++arrived; };
  ASSERT_EQ(::sigaction(SIGUSR2, &action, nullptr), 0);
  std::atomic<bool> release{false};
  Crew crew(3, [&](unsigned) {
    while (!release) std::this_thread::yield();
  });
  crew.send_signal(SIGUSR2);
  while (arrived < 3) std::this_thread::yield();
  release = true;
  EXPECT_TRUE(crew.wait_until(in_s(60)));
  crew.send_signal(SIGUSR2);  // to nobody's harm
  crew.join();
  ::signal(SIGUSR2, SIG_DFL);
}

TEST(CrewDeathTest, NoneBeginsWhereNotAllCanBeHad) {
  NEEDS_ROOT();
  NEEDS_EVERY_THREAD();
  const auto ask_for_eight = [] {
    std::atomic<int> begun{0};
    try {
      const Crew crew(8, [&](unsigned) { ++begun; });
    } catch (const Error& error) {
      std::fputs(error.what(), stderr);
      return begun == 0 ? 3 : 4;
    }
    return 5;
  };
  EXPECT_EXIT(
      exit_with_few_threads(2, ask_for_eight), testing::ExitedWithCode(3),
      "cannot start 8 threads: Resource temporarily unavailable \\(after 2\\); .*ulimit -u");
}

TEST(CrewDeathTest, FewerWillDoWhereThatIsSaid) {
  NEEDS_ROOT();
  NEEDS_EVERY_THREAD();
  const auto ask_for_eight = [] {
    std::atomic<int> begun{0};
    Crew crew({8, 1}, [&](unsigned) { ++begun; });
    const unsigned size = crew.size();
    crew.join();
    return size == 2 && begun == 2 ? 3 : 4;
  };
  EXPECT_EXIT(exit_with_few_threads(2, ask_for_eight), testing::ExitedWithCode(3), "");
}

TEST(CrewDeathTest, NoneAtAllWillDoWhereThatIsSaid) {
  NEEDS_ROOT();
  const auto ask_for_eight = [] {
    Crew crew({8, 0}, [](unsigned) {});
    return crew.size() == 0 && crew.wait_until(Clock::now()) ? 3 : 4;
  };
  EXPECT_EXIT(exit_with_few_threads(0, ask_for_eight), testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace coldload::os
