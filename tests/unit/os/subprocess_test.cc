#include "os/subprocess.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/proc.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Ran {
  ExitStatus status;
  std::string out;
};

// Runs a child to its end and returns what it wrote to stdout.
Ran run(SpawnOptions options) {
  const TemporaryDirectory directory("subprocess-test");
  const std::string path = directory.path() + "/out";
  const Fd out = open_file(path, O_WRONLY | O_CREAT, 0600);
  options.stdout_fd = out.get();
  Subprocess child(options);
  const ExitStatus status = child.wait();
  return {status, read_text(path)};
}

Ran run(std::vector<std::string> argv) {
  SpawnOptions options;
  options.argv = std::move(argv);
  return run(std::move(options));
}

SpawnOptions sleeping() {
  SpawnOptions options;
  options.argv = {"sleep", "600"};
  return options;
}

TEST(Subprocess, ReportsExitCodesAndSignals) {
  EXPECT_TRUE(run({"true"}).status.success());
  const ExitStatus three = run({"sh", "-c", "exit 3"}).status;
  EXPECT_EQ(three.code, 3);
  EXPECT_FALSE(three.success());
  EXPECT_EQ(three.text(), "exit code 3");
  const ExitStatus killed = run({"sh", "-c", "kill -KILL $$"}).status;
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_FALSE(killed.success());
  EXPECT_EQ(killed.text(), "killed by SIGKILL");
}

TEST(Subprocess, PassesArgumentsWithoutAShell) {
  EXPECT_EQ(run({"printf", "%s|", "$HOME", "a b", "*"}).out, "$HOME|a b|*|");
}

TEST(Subprocess, ThrowsForACommandThatCannotStart) {
  try {
    static_cast<void>(run({"no-such-command-anywhere"}));
    FAIL() << "started";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.code(), ENOENT);
    EXPECT_NE(std::string(error.what()).find("no-such-command-anywhere"), std::string::npos);
  }
  EXPECT_THROW(static_cast<void>(run(std::vector<std::string>{})), Error);
  EXPECT_THROW(static_cast<void>(run({"/dev/null"})), SystemError);
}

TEST(Subprocess, AddsToAndReplacesTheEnvironment) {
  SpawnOptions options;
  options.argv = {"sh", "-c", "printf '%s %s' \"$COLDLOAD_NEW\" \"$PATH\""};
  options.environment = {{"COLDLOAD_NEW", "a=b"}, {"PATH", "/replaced"}};
  EXPECT_EQ(run(std::move(options)).out, "a=b /replaced");
}

TEST(Subprocess, ReadsNothingFromOurInput) {
  EXPECT_EQ(run({"sh", "-c", "cat; echo end"}).out, "end\n");
}

TEST(Subprocess, InheritsOnlyTheDescriptorsItIsGiven) {
  const TemporaryDirectory directory("subprocess-test");
  const Fd hidden = open_file(directory.path() + "/hidden", O_WRONLY | O_CREAT, 0600);
  const Fd given = open_file(directory.path() + "/given", O_WRONLY | O_CREAT, 0600);
  SpawnOptions options;
  options.argv = {"sh", "-c", "for f in /proc/$$/fd/*; do readlink $f; done"};
  options.inherited_fds = {given.get()};
  const std::string open_files = run(std::move(options)).out;
  EXPECT_NE(open_files.find(given.path()), std::string::npos) << open_files;
  EXPECT_EQ(open_files.find(hidden.path()), std::string::npos) << open_files;
}

TEST(Subprocess, StartsWithDefaultSignalHandling) {
  const auto old_handler = std::signal(SIGPIPE, SIG_IGN);
  const std::string status = run({"grep", "SigIgn", "/proc/self/status"}).out;
  std::signal(SIGPIPE, old_handler);
  EXPECT_EQ(status, "SigIgn:\t0000000000000000\n");
}

TEST(Subprocess, LeadsItsOwnSessionWhenAsked) {
  SpawnOptions options = sleeping();
  options.new_session = true;
  const Subprocess child(options);
  EXPECT_EQ(::getsid(child.pid()), child.pid());
  EXPECT_EQ(::getpgid(child.pid()), child.pid());
}

TEST(Subprocess, WaitsNoLongerThanTold) {
  Subprocess child(sleeping());
  EXPECT_FALSE(child.try_wait().has_value());
  EXPECT_FALSE(child.wait_until(Clock::now() + milliseconds(20)).has_value());
  child.send_signal(SIGTERM);
  const auto status = child.wait_until(Clock::now() + seconds(60));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->signal, SIGTERM);
  // The status stays; nothing is reaped twice.
  EXPECT_EQ(child.wait().signal, SIGTERM);
}

TEST(Subprocess, AnEndThatNobodyHasSeenIsNoSuccess) {
  const auto old_handler = std::signal(SIGCHLD, SIG_IGN);  // the kernel reaps
  const ExitStatus status = run({"true"}).status;
  std::signal(SIGCHLD, old_handler);
  EXPECT_FALSE(status.known);
  EXPECT_FALSE(status.success());
  EXPECT_EQ(status.text(), "an exit status that is not known");
}

TEST(Subprocess, KillsWhatAChildHasStartedWithItsGroup) {
  Pipe held = make_pipe();
  SpawnOptions options;
  options.argv = {"sh", "-c", "sleep 600 & exit 3"};
  options.stdout_fd = held.write_end.get();
  options.new_session = true;
  Subprocess child(options);
  held.write_end.reset();
  ASSERT_TRUE(child.ended_by(Clock::now() + seconds(60)));
  child.kill_group();
  char byte = 0;
  EXPECT_EQ(::read(held.read_end.get(), &byte, 1), 0);  // once the last of them is gone
  EXPECT_EQ(child.wait().code, 3);
}

// The number of a child that has been reaped is another's sooner or later; here at once.
TEST(Subprocess, AReapedChildsGroupIsNoLongerKilled) {
  SpawnOptions options;
  options.argv = {"true"};
  options.new_session = true;
  Subprocess child(options);
  child.wait();
  const pid_t number = child.pid();
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = 1;
  Pipe leads = make_pipe();
  const long other = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (other < 0) GTEST_SKIP() << "cannot choose a process's number: " << error_text(errno);
  if (other == 0) {
    ::setsid();
    [[maybe_unused]] const auto put = ::write(leads.write_end.get(), "", 1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(leads.read_end.get(), &byte, 1), 1);
  child.kill_group();
  child.send_signal(SIGKILL);
  ::kill(number, SIGTERM);
  int raw = 0;
  ASSERT_EQ(::waitpid(number, &raw, 0), number);
  EXPECT_EQ(exit_status(raw).signal, SIGTERM);
}

TEST(Subprocess, DestructionKillsAndReaps) {
  pid_t pid = -1;
  {
    const Subprocess child(sleeping());
    pid = child.pid();
  }
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Subprocess, MovingKeepsTheChildAlive) {
  std::optional<Subprocess> first(sleeping());
  const Subprocess second = std::move(*first);
  first.reset();
  EXPECT_TRUE(process_info(second.pid()).has_value());
  EXPECT_NE(process_info(second.pid())->state, 'Z');
}

TEST(Subprocess, DetachedChildrenLiveOn) {
  pid_t pid = -1;
  {
    Subprocess child(sleeping());
    pid = child.pid();
    child.detach();
  }
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

TEST(Subprocess, LaunchIsStampedBeforeTheChildRuns) {
  const TimePoint before = Clock::now();
  Subprocess child(sleeping());
  EXPECT_LE(before, child.launched_at());
  EXPECT_LE(child.launched_at(), Clock::now());
}

TEST(Subprocess, StartsWithTheSignalsIgnoredThatItIsTold) {
  SpawnOptions options;
  options.argv = {"sh", "-c", "kill -HUP $$; kill -USR1 $$; exit 3"};
  options.ignored_signals = {SIGHUP};
  EXPECT_EQ(Subprocess(options).wait().signal, SIGUSR1);
}

TEST(RunShell, RunsALineAndKeepsItsEnvironment) {
  EXPECT_TRUE(run_shell("test \"$WORD\" = yes", {{"WORD", "yes"}}).success());
  EXPECT_EQ(run_shell("exit 4").code, 4);
}

}  // namespace
}  // namespace coldload::os
