#include "measure/log_folder.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::measure {
namespace {

namespace fs = std::filesystem;

class LogFolderTest : public ::testing::Test {
 protected:
  TemporaryDirectory scratch_{"log-folder-test"};
  const std::string out_ = scratch_.path();
  LogFolder folder_{os::Directory::open(out_), "experiment"};
};

TEST_F(LogFolderTest, GivesEachTrialANewFileBelowTheOutDirectory) {
  EXPECT_TRUE(fs::is_empty(out_));
  const LogFolder::Log log = folder_.create(7, "nvme_warm");
  EXPECT_EQ(log.name, "logs/experiment/007-nvme_warm.log");
  os::write_full(*log.file, "x");
  EXPECT_EQ(os::read_text(out_ + "/" + log.name), "x");
  EXPECT_THROW((void)folder_.create(7, "nvme_warm"), os::SystemError);
}

TEST_F(LogFolderTest, TakesNothingThatIsThereAlready) {
  fs::create_directories(out_ + "/logs");
  fs::create_directory(out_ + "/theirs");
  fs::create_directory_symlink("../theirs", out_ + "/logs/experiment");
  EXPECT_THROW((void)folder_.create(1, "nvme"), os::Error);
  EXPECT_TRUE(fs::is_empty(out_ + "/theirs"));
}

TEST_F(LogFolderTest, FollowsTheLinkOfItsOwnerAlone) {
  fs::create_directory(out_ + "/elsewhere");
  fs::create_directory_symlink("elsewhere", out_ + "/logs");
  EXPECT_NO_THROW((void)folder_.create(1, "nvme"));
  EXPECT_TRUE(fs::exists(out_ + "/elsewhere/experiment/001-nvme.log"));
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a link somebody else's";
  ASSERT_EQ(::lchown((out_ + "/logs").c_str(), 65534, 65534), 0);
  LogFolder another(os::Directory::open(out_), "another");
  EXPECT_THROW((void)another.create(1, "nvme"), os::Error);
}

}  // namespace
}  // namespace coldload::measure
