#include "process/guard.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "unit/process/launching.h"
#include "unit/temporary_directory.h"

namespace coldload::process {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::descendants_left;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> guard_command() {
  return {testing::build_folder() + "/coldload", "guard"};
}

os::Command shell(const std::string& script) {
  os::Command command;
  command.argv = {"sh", "-c", script};
  return command;
}

bool is_there(pid_t pid) {
  const auto info = os::process_info(pid);
  return info && info->state != 'Z';
}

TEST(Guard, ReportsHowTheServerEnded) {
  Guard guard(guard_command(), STDERR_FILENO);
  EXPECT_FALSE(guard.try_wait());
  guard.launch(shell("exit 7"));
  const auto status = guard.wait_until(os::Clock::now() + seconds(20));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 7);
  EXPECT_FALSE(guard.lost());
  guard.release();
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(Guard, ReportsASignal) {
  Guard guard(guard_command(), STDERR_FILENO);
  guard.launch(shell("kill -SEGV $$"));
  const auto status = guard.wait_until(os::Clock::now() + seconds(20));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal, SIGSEGV);
}

TEST(Guard, ThatItsServerStoppedGoesOn) {
  Guard guard(guard_command(), STDERR_FILENO);
  guard.launch(shell("kill -STOP $PPID; exit 7"));
  ASSERT_TRUE(eventually([&] { return guard.try_wait().has_value(); }));
  EXPECT_EQ(guard.try_wait()->code, 7);
}

TEST(Guard, StampsTheLaunchAndNotItsOwnStart) {
  Guard guard(guard_command(), STDERR_FILENO);
  ::usleep(200'000);
  const os::TimePoint before = os::Clock::now();
  guard.launch(shell("exec sleep 60"));
  EXPECT_GE(guard.launched_at(), before);
  EXPECT_LE(guard.launched_at(), os::Clock::now());
}

TEST(Guard, PassesOnArgumentsEnvironmentAndFolderAsTheyAre) {
  const TemporaryDirectory scratch("coldload-guard");
  Guard guard(guard_command(), STDERR_FILENO);
  os::Command command = shell("printf '%s|' \"$@\" \"$A\" \"$B\" > out");
  command.argv.insert(command.argv.end(), {"sh", "", "a b\n", "\xff"});
  command.environment = {{"A", "x=y"}, {"B", ""}};
  command.working_directory = scratch.path();
  guard.launch(command);
  ASSERT_TRUE(guard.wait_until(os::Clock::now() + seconds(20)));
  EXPECT_EQ(os::read_text(scratch.path() + "/out"), "|a b\n|\xff|x=y||");
}

TEST(Guard, ACommandThatIsNotFoundIsAnErrorThatNamesIt) {
  Guard guard(guard_command(), STDERR_FILENO);
  os::Command command;
  command.argv = {"no-such-server-command"};
  try {
    guard.launch(command);
    ADD_FAILURE() << "no error";
  } catch (const os::SystemError& error) {
    EXPECT_EQ(error.code(), ENOENT);
    EXPECT_THAT(error.what(), HasSubstr("no-such-server-command"));
  }
  EXPECT_TRUE(eventually([&] { return !is_there(guard.pid()); })) << "it has nothing to guard";
}

TEST(Guard, AGuardThatDoesNotStartIsAnErrorThatNamesIt) {
  EXPECT_THROW(Guard({"/no/such/guard"}, STDERR_FILENO), os::SystemError);
  try {
    const Guard guard({"true"}, STDERR_FILENO);
    ADD_FAILURE() << "no error";
  } catch (const os::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("guard (true)"));
  }
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(Guard, IgnoresTheSignalsThatPeopleSend) {
  Guard guard(guard_command(), STDERR_FILENO);
  guard.launch(shell("exec sleep 60"));
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::kill(guard.pid(), number);
  ::usleep(200'000);
  EXPECT_TRUE(is_there(guard.pid()));
  EXPECT_TRUE(is_there(guard.server()));
}

TEST(Guard, StaysWhileSomethingOfTheServerLivesAndEndsThen) {
  Guard guard(guard_command(), STDERR_FILENO);
  guard.launch(shell("setsid -f sleep 0.7; exit 0"));
  ASSERT_TRUE(guard.wait_until(os::Clock::now() + seconds(20)));
  EXPECT_TRUE(is_there(guard.pid()));
  EXPECT_TRUE(eventually([&] { return !is_there(guard.pid()); }));
}

TEST(Guard, EndsEverythingBelowWhenItsOwnerLetsGo) {
  const TemporaryDirectory scratch("coldload-guard");
  const std::string asked = scratch.path() + "/asked";
  Guard guard(guard_command(), STDERR_FILENO);
  guard.launch(
      shell("setsid -f sh -c \"trap '' TERM; while :; do sleep 0.1; done\"; trap 'echo > " + asked +
            "; exit 0' TERM; echo > " + scratch.path() + "/up; while :; do sleep 0.05; done"));
  ASSERT_TRUE(eventually([&] { return ::access((scratch.path() + "/up").c_str(), F_OK) == 0; }));
  guard.release();
  // It waits for a guard that needs long for 5 s, and leaves it to end by itself then.
  EXPECT_TRUE(eventually([] {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return descendants_left().empty();
  }));
  EXPECT_EQ(::access(asked.c_str(), F_OK), 0) << "the server was not asked first";
}

TEST(Guard, MakesItsServersCgroupAndRemovesIt) {
  std::string directory;
  {
    Guard guard(guard_command(), STDERR_FILENO);
    if (guard.cgroup() == nullptr) GTEST_SKIP() << "no cgroup v2 can be made below our own here";
    directory = guard.cgroup()->directory();
    guard.launch(shell("grep -q " + directory.substr(directory.rfind('/')) + " /proc/self/cgroup"));
    const auto status = guard.wait_until(os::Clock::now() + seconds(20));
    ASSERT_TRUE(status);
    EXPECT_EQ(status->code, 0) << "the server is not in it";
  }
  EXPECT_NE(::access(directory.c_str(), F_OK), 0) << directory;
}

TEST(Guard, IsLostWhereSomebodyKillsIt) {
  ProcessTree tree;
  Guard guard(guard_command(), STDERR_FILENO);
  tree.set_guard(guard.pid());
  guard.launch(shell("sleep 300 & exec sleep 300"));
  tree.set_root(guard.server());
  EXPECT_TRUE(eventually([&] { return tree.members().size() == 2; }));
  ::kill(guard.pid(), SIGKILL);
  EXPECT_FALSE(guard.wait_until(os::Clock::now() + seconds(20)));
  EXPECT_TRUE(guard.lost());
  EXPECT_THAT(tree.stop(milliseconds(500)), IsEmpty());
  guard.release();
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(Guard, IsNoMemberOfTheTreeAndNotCounted) {
  ProcessTree tree;
  Guard guard(guard_command(), STDERR_FILENO);
  tree.set_guard(guard.pid());
  EXPECT_THAT(tree.members(), IsEmpty());
  EXPECT_EQ(tree.sample().usage.processes, 0U);
  EXPECT_EQ(tree.sample().usage.resident_bytes, 0U);
  guard.launch(shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done & sleep 300"));
  tree.set_root(guard.server());
  EXPECT_TRUE(eventually([&] { return tree.sample().usage.cpu_s > 0.02; }));
  EXPECT_LE(tree.sample().usage.processes, 3U);
  EXPECT_THAT(tree.stop(seconds(5)), IsEmpty());
  guard.release();
  EXPECT_GT(tree.sample().usage.cpu_s, 0.02) << "what the guard reaped is lost";
}

}  // namespace
}  // namespace coldload::process
