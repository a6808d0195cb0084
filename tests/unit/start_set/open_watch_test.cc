#include "start_set/open_watch.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/kernel_text.h"
#include "storage/mounts.h"
#include "unit/eventually.h"
#include "unit/start_set/shell.h"
#include "unit/temporary_directory.h"

namespace coldload::start_set {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A real shell opens, and a real kernel tells: as root where fanotify is allowed.
class OfOpenings : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      const OpenWatch watch([](pid_t) { return false; }, {});
    } catch (const os::Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  [[nodiscard]] std::string file(const std::string& name) const {
    const std::string path = folder_ + "/" + name;
    os::replace_text(path, "x");
    return path;
  }

  static std::unique_ptr<OpenWatch> watch_of(const Shell& shell) {
    return std::make_unique<OpenWatch>([pid = shell.pid()](pid_t one) { return one == pid; },
                                       std::vector<std::string>{});
  }

  // What was missed, but for what a mount of somebody else's did that hangs.
  [[nodiscard]] std::vector<std::string> missed_here(const Opened& opened) const {
    const std::vector<storage::Mount> mounts = storage::current_mounts();
    const std::string point = storage::mount_of(mounts, folder_)->point;
    std::vector<std::string> missed = opened.missed;
    std::erase_if(missed, [&](const std::string& what) {
      return what.starts_with("openings on ") && !what.starts_with("openings on " + point + " ");
    });
    return missed;
  }

  const TemporaryDirectory scratch_{"coldload-open-watch"};
  const std::string folder_ = fs::canonical(scratch_.path()).string();
};

TEST_F(OfOpenings, EachIsToldOnceInTheOrderOfFirstTouch) {
  const std::string one = file("one");
  const std::string two = file("a name  with\nall (deleted)");
  const std::string three = file("three");
  Shell shell;
  const auto watch = watch_of(shell);
  shell.run(fmt::format("exec 3<{}; exec 4<'{}'; exec 3<{}; exec 5<{}; exec 4<'{}'", three, two,
                        three, one, two));
  const Opened opened = watch->finish();
  EXPECT_THAT(missed_here(opened), IsEmpty());
  EXPECT_THAT(opened.files, ElementsAre(three, two, one));
}

// On a busy machine what was opened is told late: as long as it goes on, no file system hangs.
TEST_F(OfOpenings, AreWaitedForAsLongAsTheyGoOn) {
  constexpr int k_processes = 300;
  const std::string one = file("one");
  Shell shell;
  std::atomic<int> asked{0};
  OpenWatch watch(
      [&asked](pid_t) {
        // In all longer than a call that hangs may take.
        if (++asked <= k_processes) std::this_thread::sleep_for(std::chrono::milliseconds(25));
        return false;
      },
      {});
  shell.run(
      fmt::format("i=0; while [ $i -lt {} ]; do (: <{}); i=$((i+1)); done", k_processes, one));
  const Opened opened = watch.finish();
  EXPECT_THAT(missed_here(opened), IsEmpty());
  EXPECT_GE(asked, k_processes);
}

TEST_F(OfOpenings, AFileHasTheNameThatItsLinkLeadsTo) {
  const std::string real = file("real");
  fs::create_symlink(real, folder_ + "/link");
  Shell shell;
  const auto watch = watch_of(shell);
  shell.run(fmt::format("exec 3<{}/link", folder_));
  EXPECT_THAT(watch->finish().files, ElementsAre(real));
}

TEST_F(OfOpenings, FoldersAndDevicesAreNone) {
  ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  Shell shell;
  const auto watch = watch_of(shell);
  shell.run(fmt::format("exec 3<{}; exec 4</dev/null; exec 5<>{}/fifo", folder_, folder_));
  EXPECT_THAT(watch->finish().files, IsEmpty());
}

TEST_F(OfOpenings, StrangersAndOursAreLeftOut) {
  const std::string theirs = file("theirs");
  const std::string ours = file("ours");
  const std::string own = file("own");
  Shell stranger;
  Shell shell;
  const auto watch = watch_of(shell);
  stranger.run("exec 3<" + theirs);
  shell.run("exec 3<" + ours);
  const os::Fd opened_here = os::open_file(own, O_RDONLY);
  EXPECT_THAT(watch->finish().files, ElementsAre(ours));
}

// Whoever opens it first: it counts when one of ours does.
TEST_F(OfOpenings, WhatAStrangerOpenedFirstIsToldAllTheSame) {
  const std::string path = file("both");
  Shell stranger;
  Shell shell;
  const auto watch = watch_of(shell);
  stranger.run("exec 3<" + path);
  shell.run("exec 3<" + path);
  EXPECT_THAT(watch->finish().files, ElementsAre(path));
}

TEST_F(OfOpenings, AFileWithTheNumberOfOneThatWasRemovedIsAnother) {
  Shell shell;
  const auto watch = watch_of(shell);
  const std::string kept = folder_ + "/kept";
  // The file system gives the number to the next one, where it does so at all.
  for (int i = 0; i < 20; ++i) {
    const std::string gone = folder_ + "/gone";
    shell.run(fmt::format(": >{}; read x <{}", gone, gone));
    ::usleep(20'000);
    fs::remove(gone);
  }
  shell.run(fmt::format(": >{}; exec 3<{}", kept, kept));
  EXPECT_THAT(watch->finish().files, Contains(kept));
}

TEST_F(OfOpenings, WhatWasRemovedBeforeItWasLookedAtHasNoName) {
  const std::string gone = file("gone");
  Shell shell;
  std::atomic<bool> removed{false};
  OpenWatch watch(
      [&](pid_t one) {
        if (one != shell.pid()) return false;
        while (!removed) ::usleep(1000);
        return true;
      },
      {});
  shell.run("exec 3<" + gone);
  fs::remove(gone);
  removed = true;
  const Opened opened = watch.finish();
  EXPECT_THAT(opened.files, IsEmpty());
  EXPECT_THAT(missed_here(opened), IsEmpty());
}

// Whoever opened them: of a usual queue the kernel drops what is beyond its end.
TEST_F(OfOpenings, NoneIsLostHoweverManyWaitToBeRead) {
  const auto most =
      os::number_of(os::try_read_text("/proc/sys/fs/fanotify/max_queued_events").value_or("16384"));
  constexpr std::uint64_t k_too_many_files = 100'000;
  if (!most || *most > k_too_many_files) GTEST_SKIP() << "the queue here takes too many files";
  const std::uint64_t count = *most + 1000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const os::Fd made = os::open_file(fmt::format("{}/{}", folder_, i), O_WRONLY | O_CREAT, 0600);
  }
  Shell shell;
  std::atomic<bool> all_opened{false};
  OpenWatch watch(
      [&](pid_t one) {
        while (one == shell.pid() && !all_opened) ::usleep(1000);
        return one == shell.pid();
      },
      {});
  shell.run(fmt::format("for one in {}/*; do exec 3<$one; done", folder_));
  all_opened = true;
  const Opened opened = watch.finish();
  EXPECT_THAT(missed_here(opened), IsEmpty());
  EXPECT_EQ(opened.files.size(), count);
}

TEST_F(OfOpenings, TheWatchEndsWithItsOwnerAndWithoutAnyOpening) {
  Shell shell;
  EXPECT_THAT(watch_of(shell)->finish().files, IsEmpty());
  (void)watch_of(shell);
}

TEST(AnOpenWatch, ThatIsNotAllowedIsAnError) {
  if (::geteuid() != 0) {
    EXPECT_THROW(OpenWatch([](pid_t) { return true; }, {}), os::Error);
    return;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t k_nobody = 65534;
    if (::setuid(k_nobody) != 0) ::_exit(3);
    try {
      const OpenWatch watch([](pid_t) { return true; }, {});
    } catch (const os::Error&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace coldload::start_set
