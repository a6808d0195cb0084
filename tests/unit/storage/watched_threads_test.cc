#include "storage/watched_threads.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::storage {
namespace {

using testing::HasSubstr;

os::TimePoint in_ms(int ms) { return os::Clock::now() + std::chrono::milliseconds(ms); }

TEST(WatchedThreads, AllRunAndComeBack) {
  const auto sum = std::make_shared<std::atomic<unsigned>>(0);
  run_watched(16, in_ms(10000), [sum](unsigned index, PendingCall&) { *sum += index; });
  EXPECT_EQ(*sum, 120U);
}

TEST(WatchedThreads, AnErrorOfOneIsTheCallers) {
  const auto throws = [](unsigned index, PendingCall&) {
    if (index == 2) throw os::Error("no. 2");
  };
  EXPECT_THROW(run_watched(4, in_ms(10000), throws), os::Error);
}

TEST(WatchedThreads, ACallThatHangsIsNamed) {
  const auto path = std::make_shared<std::string>("/mnt/hung/model.safetensors");
  const auto release = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  const std::shared_future<void> released = release->get_future().share();
  std::string said;
  try {
    // Late enough for the thread to be in its call by then.
    run_watched(2, in_ms(2000), [path, released, ended](unsigned index, PendingCall& call) {
      if (index == 0) return;
      call.begin_read(*path, 4096);
      released.wait();
      call.end();
      ended->set_value();
    });
  } catch (const os::StallError& error) {
    said = error.what();
  }
  EXPECT_THAT(said, HasSubstr("the read of /mnt/hung/model.safetensors at offset 4096 has not"));
  release->set_value();
  ended->get_future().wait();
}

}  // namespace
}  // namespace coldload::storage
