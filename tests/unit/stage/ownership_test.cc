#include "stage/ownership.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "os/directory.h"
#include "unit/stage/scratch.h"

namespace coldload::stage {
namespace {

class OpenOwn : public Scratch {
 protected:
  // The mode that a file of ours with this one has once it was opened.
  mode_t opened_with(mode_t mode) {
    write("own", "x");
    EXPECT_EQ(::chmod(at("own").c_str(), mode), 0);
    EXPECT_TRUE(open_own(os::Directory::open(folder_), "own", O_RDWR));
    struct stat info {};
    EXPECT_EQ(::stat(at("own").c_str(), &info), 0);
    return info.st_mode & ALLPERMS;
  }
};

TEST_F(OpenOwn, GivesUsOurRightsBackAndNobodyAnyOther) {
  EXPECT_EQ(opened_with(0444), 0644U);
  EXPECT_EQ(opened_with(0200), 0600U);
  EXPECT_EQ(opened_with(0640), 0640U);
}

}  // namespace
}  // namespace coldload::stage
