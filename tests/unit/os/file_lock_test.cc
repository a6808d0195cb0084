#include "os/file_lock.h"

#include <chrono>
#include <future>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class FileLock : public ::testing::Test {
 protected:
  FileLock() { replace_text(path_, "x"); }
  [[nodiscard]] Fd opened() const { return open_file(path_, O_RDONLY); }

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
    EXPECT_THAT(error.what(), HasSubstr("process " + std::to_string(::getpid()) + " ("));
  }
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
