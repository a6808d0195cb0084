#include "os/pending_call.h"

#include <chrono>
#include <list>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::os {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string k_path = "/mnt/hung/config.json";

TEST(PendingCall, SaysWhatItIs) {
  PendingCall call;
  EXPECT_EQ(call.text(), "");
  call.begin_open(k_path);
  EXPECT_EQ(call.text(), "opening /mnt/hung/config.json");
  EXPECT_EQ(call.verb_text(), "open /mnt/hung/config.json");
  call.begin_read(k_path, 4096);
  EXPECT_EQ(call.text(), "the read of /mnt/hung/config.json at offset 4096");
  EXPECT_EQ(call.verb_text(), "read /mnt/hung/config.json at offset 4096");
  call.begin_write(k_path, 0);
  EXPECT_EQ(call.text(), "the write to /mnt/hung/config.json at offset 0");
  call.end();
  EXPECT_EQ(call.text(), "");
  EXPECT_EQ(call.waited().count(), 0);
}

TEST(PendingCall, TheOldestIsTheOneThatBeganFirst) {
  std::list<PendingCall> calls(3);
  EXPECT_EQ(oldest(calls), nullptr);
  calls.back().begin_read(k_path, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  calls.front().begin_read(k_path, 2);
  EXPECT_EQ(oldest(calls), &calls.back());
  calls.back().end();
  EXPECT_EQ(oldest(calls), &calls.front());
}

TEST(PendingCall, IsAStallWhenItsTimeIsOver) {
  PendingCall call;
  EXPECT_EQ(stall_text(nullptr, Clock::duration::zero()), "");
  EXPECT_EQ(stall_text(&call, std::chrono::seconds(1)), "");
  call.begin_read(k_path, 7);
  EXPECT_EQ(stall_text(&call, std::chrono::hours(1)), "");
  while (call.waited() < std::chrono::milliseconds(2)) std::this_thread::yield();
  const std::string text = stall_text(&call, std::chrono::milliseconds(1));
  EXPECT_THAT(text, StartsWith("cannot read /mnt/hung/config.json at offset 7: no answer for 0."));
  EXPECT_THAT(text, HasSubstr("is the storage behind it alive?"));
}

}  // namespace
}  // namespace coldload::os
