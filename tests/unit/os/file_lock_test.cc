#include "os/file_lock.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "os/proc.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class FileLock : public ::testing::Test {
 protected:
  FileLock() { replace_text(path_, "x"); }
  [[nodiscard]] Fd opened() const { return open_file(path_, O_RDONLY); }
  // Not where stat(2) gives another device number than the kernel has, as on Btrfs and overlayfs.
  [[nodiscard]] bool proc_locks_names_this() const {
    const struct stat info = file_status(opened());
    std::array<char, 64> place{};
    std::snprintf(place.data(), place.size(), " %02x:%02x:%ju ", major(info.st_dev),
                  minor(info.st_dev), static_cast<std::uintmax_t>(info.st_ino));
    return read_text("/proc/locks").find(place.data()) != std::string::npos;
  }

  const TemporaryDirectory scratch_{"coldload-lock"};
  const std::string path_ = scratch_.path() + "/results";
};

TEST_F(FileLock, IsHadByOne) {
  const Fd first = opened();
  const Fd second = opened();
  EXPECT_EQ(try_lock(first), LockAnswer::taken);
  EXPECT_EQ(try_lock(second), LockAnswer::held);
  unlock(first);
  EXPECT_EQ(try_lock(second), LockAnswer::taken);
}

TEST_F(FileLock, IsNotWaitedForWithoutAnEndAndItsHolderIsNamed) {
  const Fd reader = opened();
  ASSERT_EQ(::flock(reader.get(), LOCK_SH), 0);
  const Fd ours = opened();
  try {
    lock_within(ours, milliseconds(50));
    FAIL() << "two have it";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot lock " + path_));
    if (!proc_locks_names_this()) GTEST_SKIP() << "/proc/locks names no file of this file system";
    // No argument of it, which may be a secret.
    EXPECT_THAT(error.what(), HasSubstr("process " + std::to_string(::getpid()) + " (" +
                                        program_name(::getpid()) + ") has had it locked"));
  }
}

// Others have the lock of the results for the milliseconds of a write.
TEST_F(FileLock, IsWaitedForALittleEvenAfterAnInterrupt) {
  const auto interrupted_beside_a_holder = [this](bool ends) {
    install_interrupt_handler();
    std::raise(SIGINT);
    Fd first = opened();
    if (try_lock(first) != LockAnswer::taken) std::_Exit(1);
    const Fd second = opened();
    std::thread holder([&first, ends] {
      std::this_thread::sleep_for(milliseconds(100));
      if (ends) first.reset();
    });
    holder.detach();
    try {
      lock_within(second);
    } catch (const Error& error) {
      const bool says_why =
          std::string(error.what()).find("when coldload was interrupted") != std::string::npos;
      std::_Exit(says_why ? 3 : 2);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(interrupted_beside_a_holder(true), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(interrupted_beside_a_holder(false), ::testing::ExitedWithCode(3), "");
}

TEST_F(FileLock, IsTakenOnceItIsFree) {
  Fd first = opened();
  ASSERT_EQ(try_lock(first), LockAnswer::taken);
  const Fd second = opened();
  const auto waits = std::async(std::launch::async, [&] { lock_within(second); });
  EXPECT_EQ(waits.wait_for(milliseconds(50)), std::future_status::timeout);
  first.reset();
  waits.wait();
  EXPECT_EQ(try_lock(opened()), LockAnswer::held);
}

}  // namespace
}  // namespace coldload::os
