#include "measure/staged_copy.h"

#include <atomic>
#include <cerrno>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "stage/stager.h"
#include "unit/temporary_directory.h"

namespace {

std::atomic<bool> has_no_locks{false};  // as a file system without them

}  // namespace

// In place of the C library's, for this whole program.
extern "C" int flock(int fd, int operation) noexcept {
  if (has_no_locks) {
    errno = ENOLCK;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}

namespace coldload::measure {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class StagedCopyCheck : public ::testing::Test {
 protected:
  StagedCopyCheck() {
    fs::create_directory(scratch_.path() + "/src");
    os::replace_text(scratch_.path() + "/src/a", "x");
    stage_.source = scratch_.path() + "/src";
    stage_.destination = scratch_.path() + "/copy";
    stage_.temporary = true;
  }
  ~StagedCopyCheck() override { has_no_locks = false; }
  [[nodiscard]] stage::StageResult make_copy() const {
    return stage::stage(stage_, {[](const std::string&) {}, [](const stage::CopyProgress&) {}});
  }
  [[nodiscard]] std::string refusal() const {
    try {
      StagedCopy::check(stage_.destination);
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }

  const TemporaryDirectory scratch_{"coldload-staged-copy"};
  stage::StageRequest stage_;
};

TEST_F(StagedCopyCheck, TakesOneThatNobodyHoldsForLeftBehind) {
  {
    const stage::StageResult held = make_copy();
    EXPECT_THAT(refusal(), HasSubstr("another coldload measures with it just now"));
  }
  EXPECT_EQ(refusal(), "");
}

TEST_F(StagedCopyCheck, TakesOneForHeldWhereThereAreNoLocks) {
  (void)make_copy();
  has_no_locks = true;
  EXPECT_THAT(refusal(), HasSubstr("cannot be told (No locks available)"));
  EXPECT_THAT(refusal(), HasSubstr("remove it yourself"));
}

TEST_F(StagedCopyCheck, RefusesTheManifestOfAUsersCopyThatIsAway) {
  (void)make_copy();
  fs::rename(stage_.destination, scratch_.path() + "/away");
  EXPECT_EQ(refusal(), "");  // an experiment's
  stage_.temporary = false;
  (void)make_copy();
  fs::remove_all(stage_.destination);
  EXPECT_THAT(refusal(), StartsWith("--stage: " + stage_.destination + ".coldload.json is there"));
  EXPECT_TRUE(fs::exists(stage_.destination + ".coldload.json"));
}

}  // namespace
}  // namespace coldload::measure
