#include "process/process_tree.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <set>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/subprocess.h"
#include "storage/page_cache.h"
#include "unit/process/launching.h"
#include "unit/temporary_directory.h"

namespace coldload::process {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::descendants_left;
using ::testing::IsEmpty;
using testing::Launch;
using ::testing::SizeIs;

os::SpawnOptions shell(const std::string& script) {
  os::SpawnOptions spawn;
  spawn.argv = {"sh", "-c", script};
  spawn.new_session = true;
  return spawn;
}

TEST(ProcessTree, HoldsOrphansInSessionsOfTheirOwn) {
  ProcessTree tree;
  os::Subprocess root(shell("setsid -f sleep 300; (sleep 300 &); sleep 0.2; exit 0"));
  tree.set_root(root.pid());
  EXPECT_TRUE(root.wait().success());
  EXPECT_TRUE(eventually([&] { return tree.members().size() == 2; }));
  EXPECT_THAT(tree.stop(seconds(5)), IsEmpty());
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ProcessTree, NeverTouchesWhatWasThereBefore) {
  os::Subprocess other(shell("sleep 300 & sleep 300"));
  ASSERT_TRUE(eventually([&] { return os::descendants(::getpid()).size() == 3; }));
  ProcessTree tree;
  os::Subprocess root(shell("exec sleep 300"));
  tree.set_root(root.pid());
  EXPECT_TRUE(eventually([&] { return !tree.members().empty(); }));
  EXPECT_THAT(tree.stop(seconds(5)), IsEmpty());
  (void)root.try_wait();
  EXPECT_FALSE(other.try_wait());
  EXPECT_THAT(os::descendants(::getpid()), SizeIs(3));
  // An orphan of the other's is still the other's.
  other.send_signal(SIGKILL);
  (void)other.wait();
  EXPECT_THAT(tree.members(), IsEmpty());
  EXPECT_THAT(tree.stop(seconds(1)), IsEmpty());
  const auto orphans = os::descendants(::getpid());
  EXPECT_THAT(orphans, SizeIs(2));
  for (const os::ProcessInfo& orphan : orphans) {
    ::kill(orphan.pid, SIGKILL);
    ::waitpid(orphan.pid, nullptr, 0);
  }
}

TEST(ProcessTree, NeverTouchesWhatAnExcludedProcessStartsLater) {
  os::Subprocess other(shell("trap 'exit 7' TERM; while :; do sleep 0.01; done"));
  ProcessTree tree;
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(tree.members(), IsEmpty());
    ::usleep(2'000);
  }
  EXPECT_THAT(tree.stop(seconds(1)), IsEmpty());
  EXPECT_FALSE(other.try_wait());
  other.send_signal(SIGTERM);
  EXPECT_EQ(other.wait().code, 7);
}

TEST(ProcessTree, NeverReapsTheChildrenOfOthers) {
  os::Subprocess other(shell("exit 9"));
  ASSERT_TRUE(eventually([&] {
    const auto info = os::process_info(other.pid());
    return info && info->state == 'Z';
  }));
  ProcessTree tree;
  EXPECT_THAT(tree.stop(seconds(1)), IsEmpty());
  EXPECT_EQ(other.wait().code, 9);
}

TEST(ProcessTree, LetsAServerEndByItself) {
  const TemporaryDirectory scratch("coldload-tree");
  ProcessTree tree;
  os::Subprocess root(shell("trap 'sleep 0.2; echo done >" + scratch.path() +
                            "/done; exit 0' TERM; echo >" + scratch.path() +
                            "/up; while :; do sleep 0.05; done"));
  tree.set_root(root.pid());
  ASSERT_TRUE(eventually([&] { return ::access((scratch.path() + "/up").c_str(), F_OK) == 0; }));
  EXPECT_THAT(tree.stop(seconds(10)), IsEmpty());
  EXPECT_TRUE(root.wait().success());
  EXPECT_EQ(os::read_text(scratch.path() + "/done"), "done\n");
}

// The root ends its worker itself, half a second after it was told to end.
TEST(ProcessTree, LetsTheRootEndTheOthers) {
  const TemporaryDirectory scratch("coldload-tree");
  const std::string up = scratch.path() + "/up";
  ProcessTree tree;
  os::Subprocess root(
      shell("sleep 300 & trap 'sleep 0.5; kill -0 $! || exit 3; kill $!; exit 0' "
            "TERM; echo >" +
            up + "; while :; do sleep 0.05; done"));
  tree.set_root(root.pid());
  ASSERT_TRUE(eventually([&] { return ::access(up.c_str(), F_OK) == 0; }));
  EXPECT_THAT(tree.stop(seconds(10)), IsEmpty());
  EXPECT_EQ(root.wait().code, 0) << "the worker was told before the root could";
}

TEST(ProcessTree, EndsOrphansPromptly) {
  ProcessTree tree;
  os::Subprocess root(shell("setsid -f sleep 300; exit 0"));
  tree.set_root(root.pid());
  EXPECT_TRUE(root.wait().success());
  ASSERT_TRUE(eventually([&] { return tree.members().size() == 1; }));
  const os::TimePoint begin = os::Clock::now();
  EXPECT_THAT(tree.stop(seconds(20)), IsEmpty());
  EXPECT_LT(os::seconds_between(begin, os::Clock::now()), 5);
}

TEST(ProcessTree, EndsWhatTheRootForgetsWithoutWaitingForTheGrace) {
  ProcessTree tree;
  os::Subprocess root(shell("sleep 300 & wait"));
  tree.set_root(root.pid());
  ASSERT_TRUE(eventually([&] { return tree.members().size() == 2; }));
  const os::TimePoint begin = os::Clock::now();
  EXPECT_THAT(tree.stop(seconds(20)), IsEmpty());
  EXPECT_LT(os::seconds_between(begin, os::Clock::now()), 10);
}

TEST(ProcessTree, EndsAStoppedProcess) {
  ProcessTree tree;
  os::Subprocess root(shell("kill -STOP $$"));
  tree.set_root(root.pid());
  ASSERT_TRUE(eventually([&] {
    const auto info = os::process_info(root.pid());
    return info && info->state == 'T';
  }));
  EXPECT_THAT(tree.stop(milliseconds(100)), IsEmpty());
}

// A process that starts its successor and ends, again and again, is never where one looks.
TEST(ProcessTree, EndsProcessesThatOutrunItsLooks) {
  const TemporaryDirectory scratch("coldload-tree");
  const std::string script = scratch.path() + "/chain";
  os::replace_text(script,
                   "trap '' TERM\n[ $1 -gt 3000 ] && exit 0\nsh " + script + " $(($1 + 1)) &\n");
  ProcessTree tree;
  os::Subprocess root(shell("sh " + script + " 0 & sh " + script + " 0 & wait; sleep 300"));
  tree.set_root(root.pid());
  ::usleep(100'000);
  EXPECT_THAT(tree.stop(milliseconds(100)), IsEmpty());
  (void)root.wait();
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ProcessTree, CountsCpuAndMemoryOfLiveAndDead) {
  ProcessTree tree;
  const Usage before = tree.sample().usage;
  EXPECT_EQ(before.processes, 0U);
  os::Subprocess root(shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 300"));
  tree.set_root(root.pid());
  EXPECT_TRUE(eventually([&] { return tree.sample().usage.processes == 2; }));
  const Usage during = tree.sample().usage;
  EXPECT_GT(during.cpu_s, 0.02);
  EXPECT_GT(during.resident_bytes, 100'000U);
  EXPECT_THAT(tree.stop(seconds(5)), IsEmpty());
  (void)root.wait();
  EXPECT_GE(tree.sample().usage.cpu_s, during.cpu_s * 0.9);
  EXPECT_EQ(tree.sample().usage.resident_bytes, 0U);
}

// --- the sampler's look ------------------------------------------------------------------------

TEST(TreeSample, SeesTheSameProcessesAsAFullLook) {
  os::Subprocess other(shell("sleep 300 & sleep 300"));
  ASSERT_TRUE(eventually([&] { return os::descendants(::getpid()).size() == 3; }));
  ProcessTree tree;
  EXPECT_THAT(tree.sample().pids, IsEmpty());
  os::Subprocess root(shell("(sleep 300 &); setsid -f sleep 300; sleep 300"));
  tree.set_root(root.pid());
  // All that starts others has ended, or is the root.
  EXPECT_TRUE(eventually([&] {
    const std::vector<pid_t> pids = tree.sample().pids;
    const auto sleeping = [&](pid_t pid) {
      return pid == root.pid() || os::command_line(pid) == "sleep 300";
    };
    return pids.size() == 4 && std::all_of(pids.begin(), pids.end(), sleeping);
  }));
  std::set<pid_t> members;
  for (const os::ProcessInfo& info : tree.members()) members.insert(info.pid);
  const TreeSample sample = tree.sample();
  EXPECT_EQ(std::set<pid_t>(sample.pids.begin(), sample.pids.end()), members);
  EXPECT_EQ(sample.usage.processes, 4U);
  EXPECT_GT(sample.usage.resident_bytes, 100'000U);
  EXPECT_THAT(tree.stop(seconds(5)), IsEmpty());
  (void)root.wait();
  EXPECT_THAT(tree.sample().pids, IsEmpty());
  for (const os::ProcessInfo& info : os::descendants(other.pid())) ::kill(info.pid, SIGKILL);
}

// Processes that are born and reaped between and during looks: none may stay unseen.
TEST(TreeSample, FindsProcessesThatAreBornAfterManyLooks) {
  ProcessTree tree;
  os::Subprocess root(shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 0.01; done; sleep 300"));
  tree.set_root(root.pid());
  bool seen = false;
  EXPECT_TRUE(eventually([&] {
    const TreeSample sample = tree.sample();
    seen = seen || sample.pids.size() == 2;
    return seen && sample.usage.processes == 2 &&
           os::command_line(sample.pids.back()) == "sleep 300";
  }));
  EXPECT_THAT(tree.stop(seconds(5)), IsEmpty());
}

TEST(TreeSample, KeepsTheReadCallsOfADeadChild) {
  if (!os::read_account(::getpid())) GTEST_SKIP() << "this kernel has no /proc/PID/io";
  ProcessTree tree;
  os::Subprocess root(shell("dd if=/dev/zero of=/dev/null bs=1 count=5000 2>/dev/null; sleep 300"));
  tree.set_root(root.pid());
  EXPECT_TRUE(eventually([&] { return tree.sample().read_calls.value_or(0) >= 5000; }));
  ASSERT_TRUE(eventually([&] {
    const TreeSample sample = tree.sample();
    return sample.pids.size() == 2 && os::command_line(sample.pids.back()) == "sleep 300";
  }));
  EXPECT_GE(tree.sample().read_calls, 5000U);  // the shell has reaped it
  EXPECT_THAT(tree.stop(seconds(5)), IsEmpty());
  (void)root.wait();
  EXPECT_GE(tree.sample().read_calls, 5000U);  // we have reaped the shell
  EXPECT_LT(tree.sample().read_calls, 10'000U);
}

// --- bytes that storage delivered ------------------------------------------------------------

// A checkpoint of one file on the disk that holds the build, in no page cache.
class StorageAccount : public ::testing::Test {
 protected:
  static constexpr std::size_t k_bytes = 24 << 20;

  void SetUp() override {
    std::vector<char> noise(k_bytes);
    std::minstd_rand random(7);
    for (char& byte : noise) byte = static_cast<char>(random());
    file_ = os::open_file(path(), O_RDWR | O_CREAT | O_TRUNC, 0644);
    os::write_full(file_, std::string_view(noise.data(), noise.size()));
    // A file system that does not account its reads (tmpfs, overlays of it) can show nothing here.
    const auto before = os::read_account(::getpid());
    make_cold();
    (void)os::pread_full(file_, std::as_writable_bytes(std::span(noise.data(), noise.size())), 0);
    const auto after = os::read_account(::getpid());
    if (!before || !after || after->bytes - before->bytes < k_bytes * 9 / 10) {
      GTEST_SKIP() << testing::build_folder() << " lies on a file system without read accounts";
    }
    make_cold();
  }
  void TearDown() override {
    file_.reset();
    ::unlink(path().c_str());
  }
  // Again and again where the kernel passes over pages: one that stays is not read from storage.
  static void make_cold() { storage::PageCacheView({path()}).evict(seconds(2)); }
  static std::string path() {
    return testing::build_folder() + "/process_tree_test." + std::to_string(::getpid());
  }

  // What one launch of the fake server is seen to have read: when it is ready, and after its end.
  struct Seen {
    StorageRead at_ready;
    StorageRead after;
  };
  Seen launch(const std::vector<std::string>& arguments) {
    Launch launch({"--model", path()});
    launch.options.argv.insert(launch.options.argv.end(), arguments.begin(), arguments.end());
    ServerProcess server(launch.options);
    const Readiness result = server.wait_ready([&] { (void)server.tree().sample(); });
    EXPECT_EQ(result.outcome, Outcome::ready) << result.reason;
    Seen seen;
    seen.at_ready = server.tree().sample(ProcessTree::Look::anew).reads;
    EXPECT_EQ(server.tree().sample().reads.bytes.has_value(), seen.at_ready.bytes.has_value());
    EXPECT_THAT(server.stop(), IsEmpty());
    seen.after = server.tree().sample(ProcessTree::Look::anew).reads;
    return seen;
  }
  // All of the file, once: code pages of the server may come on top.
  static void expect_whole(const StorageRead& read) {
    ASSERT_TRUE(read.bytes) << read.reason;
    EXPECT_GE(*read.bytes, k_bytes);
    EXPECT_LT(*read.bytes, k_bytes * 3 / 2);
  }

  os::Fd file_;
};

TEST_F(StorageAccount, HoldsWhatTheServerItselfRead) {
  const Seen seen = launch({"--read", "full"});
  expect_whole(seen.at_ready);
  expect_whole(seen.after);
  EXPECT_FALSE(seen.after.lost_children);
}

TEST_F(StorageAccount, HoldsWhatWasReadThroughAMapping) {
  expect_whole(launch({"--read", "mmap"}).at_ready);
}

TEST_F(StorageAccount, HoldsDirectReads) { expect_whole(launch({"--read", "direct"}).at_ready); }

TEST_F(StorageAccount, HoldsADeadChildsBytesOnce) {
  const Seen seen = launch({"--read", "full", "--read-by", "child"});
  expect_whole(seen.at_ready);
  expect_whole(seen.after);
}

TEST_F(StorageAccount, HoldsALiveChildsBytesOnce) {
  const Seen seen = launch({"--read", "full", "--read-by", "child", "--reader-stays"});
  expect_whole(seen.at_ready);
  expect_whole(seen.after);
}

TEST_F(StorageAccount, HoldsADeadOrphansBytesOnce) {
  const Seen seen = launch({"--read", "full", "--read-by", "orphan"});
  expect_whole(seen.at_ready);
  expect_whole(seen.after);
}

TEST_F(StorageAccount, HoldsALiveOrphansBytesOnce) {
  const Seen seen = launch({"--read", "full", "--read-by", "orphan", "--reader-stays"});
  expect_whole(seen.at_ready);
  expect_whole(seen.after);
}

TEST_F(StorageAccount, SaysThatIgnoredChildrenAreLost) {
  const Seen seen = launch({"--read", "full", "--read-by", "children-sigchld-ignored"});
  EXPECT_TRUE(seen.at_ready.lost_children);
  EXPECT_TRUE(seen.after.lost_children);
}

TEST_F(StorageAccount, SeesThatHalfIsNotAll) {
  const Seen seen = launch({"--read", "half"});
  ASSERT_TRUE(seen.after.bytes);
  EXPECT_GE(*seen.after.bytes, k_bytes / 2);
  EXPECT_LT(*seen.after.bytes, k_bytes * 9 / 10);
}

TEST_F(StorageAccount, SeesThatNothingWasRead) {
  const Seen seen = launch({"--read", "none"});
  ASSERT_TRUE(seen.after.bytes);
  EXPECT_LT(*seen.after.bytes, k_bytes / 4);
}

}  // namespace
}  // namespace coldload::process
