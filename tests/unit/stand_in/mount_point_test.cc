#include "stand_in/mount_point.h"

#include <filesystem>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <unistd.h>

#include "os/error.h"
#include "unit/temporary_directory.h"

namespace coldload::stand_in {
namespace {

namespace fs = std::filesystem;

// Neither has mounted anything yet: what is mounted says nothing to the second.
TEST(MountPoint, IsOnesAtATimeAlsoBeforeHeMounts) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string source = scratch.path() + "/source";
  for (const bool is_there : {false, true}) {
    const std::string point = scratch.path() + (is_there ? "/there" : "/made");
    if (is_there) fs::create_directory(point);
    std::optional<MountPoint> first(std::in_place, point, source);
    try {
      const MountPoint second(point, source);
      ADD_FAILURE() << "two have " << point;
    } catch (const os::Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("cannot mount at " + point + ": process " +
                                                     std::to_string(::getpid())));
    }
    EXPECT_TRUE(fs::exists(point));  // the first one's
    first.reset();
    EXPECT_EQ(fs::exists(point), is_there);
    const MountPoint next(point, source);
  }
}

}  // namespace
}  // namespace coldload::stand_in
