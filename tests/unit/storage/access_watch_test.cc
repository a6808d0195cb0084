#include "storage/access_watch.h"

#include <array>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "os/subprocess.h"
#include "unit/temporary_directory.h"

namespace coldload::storage {
namespace {

class AccessWatchTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name) {
    const std::string path = scratch_.path() + "/" + name;
    os::replace_text(path, std::string(8192, 'x'));
    return path;
  }

  const TemporaryDirectory scratch_{"coldload-access-watch"};
};

TEST_F(AccessWatchTest, TellsWhatWasOpenedAndWhatWasRead) {
  const std::string untouched = file("untouched");
  const std::string opened = file("opened");
  const std::string read = file("read");
  AccessWatch watch({untouched, opened, read});
  ASSERT_TRUE(watch.complete());
  const os::Fd mapped = os::open_file(opened, O_RDONLY);
  std::array<std::byte, 16> buffer{};
  os::pread_full(os::open_file(read, O_RDONLY), buffer, 0);
  watch.take();
  EXPECT_FALSE(watch.seen()[0].opened);
  EXPECT_TRUE(watch.seen()[1].opened);
  EXPECT_FALSE(watch.seen()[1].read);
  EXPECT_TRUE(watch.seen()[2].read);
}

TEST_F(AccessWatchTest, SeesOtherProcessesByWhateverName) {
  const std::string path = file("weights");
  const std::string link = scratch_.path() + "/link";
  ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
  AccessWatch watch({path, link});
  os::SpawnOptions cat;
  cat.argv = {"cat", link};
  const os::Fd null = os::open_file("/dev/null", O_WRONLY);
  cat.stdout_fd = null.get();
  os::Subprocess(cat).wait();
  watch.take();
  EXPECT_TRUE(watch.seen()[0].read);
  EXPECT_TRUE(watch.seen()[1].read);
}

TEST_F(AccessWatchTest, ForgetsNothingThoughThereAreMoreReadsThanTheQueueHolds) {
  const std::string a = file("a");
  const std::string b = file("b");
  const std::string last = file("last");
  AccessWatch watch({a, b, last});
  const os::Fd first = os::open_file(a, O_RDONLY);
  const os::Fd second = os::open_file(b, O_RDONLY);
  std::array<std::byte, 1> buffer{};
  constexpr int k_more_than_a_queue = 20'000;  // fs.inotify.max_queued_events is 16,384
  for (int i = 0; i < k_more_than_a_queue; ++i) {
    os::pread_full(first, buffer, 0);
    os::pread_full(second, buffer, 0);
  }
  const os::Fd third = os::open_file(last, O_RDONLY);
  watch.take();
  EXPECT_TRUE(watch.seen()[0].read);
  // Either it is known, or it is known that something was missed.
  EXPECT_TRUE(watch.seen()[2].opened || !watch.complete());
}

TEST_F(AccessWatchTest, TellsOfWhatComesAfterItWasToForget) {
  const std::string before = file("before");
  const std::string both = file("both");
  AccessWatch watch({before, both});
  (void)os::read_text(before);
  (void)os::read_text(both);
  watch.forget();
  watch.take();
  EXPECT_EQ(watch.seen()[0], Access{});
  EXPECT_EQ(watch.news(), 0U);
  (void)os::read_text(both);
  watch.take();
  EXPECT_EQ(watch.seen()[0], Access{});
  EXPECT_TRUE(watch.seen()[1].read);
}

TEST_F(AccessWatchTest, IsNotCompleteWhereAFileCannotBeWatched) {
  EXPECT_FALSE(AccessWatch(std::vector<std::string>{scratch_.path() + "/missing"}).complete());
  EXPECT_FALSE(AccessWatch().complete());
}

}  // namespace
}  // namespace coldload::storage
