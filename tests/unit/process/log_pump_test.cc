#include "process/log_pump.h"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/subprocess.h"
#include "unit/process/log_file.h"
#include "unit/temporary_directory.h"

namespace coldload::process {
namespace {

void run_into(LogPump& pump, const std::string& shell) {
  os::SpawnOptions spawn;
  spawn.argv = {"sh", "-c", shell};
  spawn.stdout_fd = pump.write_fd();
  spawn.stderr_fd = pump.write_fd();
  os::Subprocess child(spawn);
  pump.close_write_end();
  EXPECT_TRUE(child.wait().success());
}

// Written by us, so that we know an instant between two pieces: after the first was received.
os::TimePoint write_and_see_received(const LogPump& pump, const std::string& text) {
  const std::uint64_t all = pump.bytes() + text.size();
  EXPECT_EQ(::write(pump.write_fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  while (pump.bytes() < all) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return os::Clock::now();
}

TEST(LogPump, WritesStdoutAndStderrToTheLog) {
  const TemporaryDirectory scratch("coldload-pump");
  LogPump pump({testing::log_at(scratch.path() + "/log"), false, {}});
  run_into(pump, "echo out; echo err >&2");
  pump.finish();
  EXPECT_NO_THROW(pump.check());
  EXPECT_EQ(os::read_text(scratch.path() + "/log"), "out\nerr\n");
}

TEST(LogPump, StampsEachPieceInOrder) {
  const TemporaryDirectory scratch("coldload-pump");
  std::vector<os::TimePoint> stamps;
  std::string all;
  const os::TimePoint before = os::Clock::now();
  LogPump pump({testing::log_at(scratch.path() + "/log"), false,
                [&](os::TimePoint at, std::string_view text) {
                  stamps.push_back(at);
                  all += text;
                }});
  const os::TimePoint between = write_and_see_received(pump, "one\n");
  write_and_see_received(pump, "two\n");
  pump.finish();
  EXPECT_EQ(all, "one\ntwo\n");
  ASSERT_EQ(stamps.size(), 2U);
  EXPECT_GE(stamps.front(), before);
  EXPECT_LE(stamps.front(), between);
  EXPECT_GE(stamps.back(), between);
}

TEST(LogPump, TakesALargeLogWithoutALineInOneBuffer) {
  const TemporaryDirectory scratch("coldload-pump");
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  LogPump pump({testing::log_at(scratch.path() + "/log"), false, {}});
  run_into(pump, "head -c 104857600 /dev/zero");
  pump.finish();
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(pump.bytes(), 104857600U);
  EXPECT_EQ(os::file_size(os::open_file(scratch.path() + "/log", O_RDONLY)), 104857600U);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 << 10);  // KiB
}

TEST(LogPump, EndsThoughSomebodyKeepsThePipeOpen) {
  const TemporaryDirectory scratch("coldload-pump");
  LogPump pump({testing::log_at(scratch.path() + "/log"), false, {}});
  const os::Fd kept(::dup(pump.write_fd()), "pipe");
  os::write_full(kept, "last words\n");
  pump.finish();
  EXPECT_EQ(os::read_text(scratch.path() + "/log"), "last words\n");
}

TEST(LogPump, EndsThoughSomebodyWritesForEver) {
  const TemporaryDirectory scratch("coldload-pump");
  LogPump pump({testing::log_at("/dev/null"), false, {}});
  os::SpawnOptions spawn;
  spawn.argv = {"yes"};
  spawn.stdout_fd = pump.write_fd();
  os::Subprocess child(spawn);
  pump.finish();
}

TEST(LogPump, AFullDiskStopsNobodyAndIsSaidWithTheLogsName) {
  LogPump pump({testing::log_at("/dev/full"), false, {}});
  run_into(pump, "head -c 4000000 /dev/zero");
  pump.finish();
  EXPECT_EQ(pump.bytes(), 4000000U);
  EXPECT_NO_THROW(pump.check());
  EXPECT_EQ(pump.log_problem(),
            "4.00 MB of the output are missing in /dev/full: No space left on device");
}

TEST(LogPump, KeepsALogWithinItsLimit) {
  const TemporaryDirectory scratch("coldload-pump");
  LogPump pump({testing::log_at(scratch.path() + "/log"), false, {}, {}, 10'000});
  run_into(pump, "yes ten-bytes | head -c 1000000; echo the end");
  pump.finish();
  EXPECT_LT(os::read_text(scratch.path() + "/log").size(), 10'200U);
  EXPECT_THAT(pump.log_problem(), ::testing::HasSubstr("990 kB of the output are missing"));
}

TEST(LogPump, WhatTheReceiverThrowsReachesTheCaller) {
  LogPump pump({testing::log_at("/dev/null"), false,
                [](os::TimePoint, std::string_view) { throw std::runtime_error("parser"); }});
  run_into(pump, "echo one; echo two");
  pump.finish();
  EXPECT_THROW(pump.check(), std::runtime_error);
}

// In the log and for the receiver, though it is written in two pieces; the stamps are of receipt.
TEST(LogPump, PassesOnNoCredentials) {
  const TemporaryDirectory scratch("coldload-pump");
  std::string all;
  std::vector<os::TimePoint> stamps;
  LogPump pump({testing::log_at(scratch.path() + "/log"), false,
                [&](os::TimePoint at, std::string_view text) {
                  stamps.push_back(at);
                  all += text;
                },
                text::Redactor({"serve", "--api-key", "s3cr3t-key"}, {{"HF_TOKEN", "hf_abcdef"}})});
  const os::TimePoint between = write_and_see_received(pump, "key s3cr3t");
  write_and_see_received(pump, "-key\nthe end hf_abcde");
  pump.finish();
  EXPECT_NO_THROW(pump.check());
  EXPECT_EQ(all, "key [redacted]\nthe end hf_abcde");
  EXPECT_EQ(os::read_text(scratch.path() + "/log"), all);
  EXPECT_EQ(pump.bytes(), std::string("key s3cr3t-key\nthe end hf_abcde").size());
  ASSERT_GE(stamps.size(), 2U);
  EXPECT_LE(stamps.front(), between);
  EXPECT_GE(stamps.back(), between);
}

}  // namespace
}  // namespace coldload::process
