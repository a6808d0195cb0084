#include "os/proc.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "os/mapping.h"
#include "os/subprocess.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

SpawnOptions shell(const std::string& line) {
  SpawnOptions options;
  options.argv = {"sh", "-c", line};
  return options;
}

bool holds(const std::vector<ProcessInfo>& processes, pid_t pid) {
  return std::any_of(processes.begin(), processes.end(),
                     [pid](const ProcessInfo& info) { return info.pid == pid; });
}

// Waits until the shell has started `count` descendants; it says nothing of how long that takes.
std::vector<ProcessInfo> wait_for_descendants(pid_t root, std::size_t count) {
  while (true) {
    std::vector<ProcessInfo> found = descendants(root);
    if (found.size() >= count) return found;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(ProcessInfo, KnowsThisProcess) {
  const auto info = process_info(::getpid());
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->pid, ::getpid());
  EXPECT_EQ(info->parent, ::getppid());
  EXPECT_EQ(info->state, 'R');
  EXPECT_GT(info->start_ticks, 0U);
  EXPECT_GT(info->resident_bytes, 1U << 20U);
}

TEST(ProcessInfo, ReadsNamesWithBlanksAndParentheses) {
  std::string old_name(16, '\0');
  ::prctl(PR_GET_NAME, old_name.data());
  ::prctl(PR_SET_NAME, "a) R 1 (b");
  const auto info = process_info(::getpid());
  ::prctl(PR_SET_NAME, old_name.data());
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->name, "a) R 1 (b");
  EXPECT_EQ(info->parent, ::getppid());
}

TEST(ProcessInfo, IsNothingForAProcessThatIsGone) {
  pid_t pid = -1;
  {
    Subprocess child(shell("exit 0"));
    pid = child.pid();
    child.wait();
  }
  EXPECT_FALSE(process_info(pid).has_value());
  EXPECT_FALSE(read_account(pid).has_value());
  EXPECT_FALSE(ignores_sigchld(pid));
}

TEST(ProcessInfo, ShowsZombies) {
  const Subprocess child(shell("exit 0"));
  while (process_info(child.pid())->state != 'Z') {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(holds(descendants(::getpid()), child.pid()));
}

TEST(Descendants, ComeParentsFirstWithoutTheRoot) {
  const Subprocess child(shell("sh -c 'sleep 600; :' & sleep 600; :"));
  // The child's two, and the inner shell's one.
  const std::vector<ProcessInfo> found = wait_for_descendants(child.pid(), 3);
  EXPECT_FALSE(holds(found, child.pid()));
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (std::size_t later = i + 1; later < found.size(); ++later) {
      EXPECT_NE(found[i].parent, found[later].pid);
    }
  }
  EXPECT_TRUE(holds(descendants(::getpid()), found.back().pid));
  for (const ProcessInfo& info : found) ::kill(info.pid, SIGKILL);
}

TEST(ReadAccount, CountsWhatWasReadPastThePageCache) {
  if (!read_account(::getpid())) GTEST_SKIP() << "this kernel has no /proc/PID/io";
  const TemporaryDirectory directory("proc-test");
  constexpr std::size_t k_bytes = 1 << 20;
  replace_text(directory.path() + "/file", std::string(k_bytes, 'x'));
  const Fd file = open_file(directory.path() + "/file", O_RDONLY);
  // O_DIRECT through dd, so that nothing hangs on the page cache.
  const std::string read = "dd if=" + directory.path() +
                           "/file of=/dev/null bs=64k iflag=direct 2>/dev/null && sleep 600; :";
  const Subprocess probe(shell(read));
  std::uint64_t bytes = 0;
  // The shell is credited with dd's bytes once it has reaped it; a failing dd ends the shell.
  while (process_info(probe.pid())->state != 'Z' && bytes < k_bytes) {
    bytes = read_account(probe.pid()).value_or(ReadAccount()).bytes;
    for (const ProcessInfo& info : descendants(probe.pid())) {
      if (info.name != "sleep" || bytes >= k_bytes) continue;
      bytes = read_account(probe.pid()).value_or(ReadAccount()).bytes;  // dd was reaped before it
      ::kill(info.pid, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const std::vector<ProcessInfo> left = descendants(probe.pid());
  for (const ProcessInfo& info : left) ::kill(info.pid, SIGKILL);
  if (bytes == 0) GTEST_SKIP() << "the temporary folder's file system does no direct reads";
  EXPECT_GE(bytes, k_bytes);
}

TEST(ReadAccount, CountsTheReadCallsOfOurThreads) {
  const auto before = read_account(::getpid());
  if (!before) GTEST_SKIP() << "this kernel has no /proc/PID/io";
  const std::uint64_t threads_before = own_threads_read_calls();
  const Fd file = open_file("/dev/zero", O_RDONLY);
  char byte = 0;
  constexpr std::uint64_t k_calls = 500;
  for (std::uint64_t i = 0; i < k_calls; ++i) ASSERT_EQ(::read(file.get(), &byte, 1), 1);
  EXPECT_GE(read_account(::getpid())->calls, before->calls + k_calls);
  EXPECT_GE(own_threads_read_calls(), threads_before + k_calls);
}

TEST(IgnoresSigchld, TellsWhoDiscardsTheAccountingOfChildren) {
  EXPECT_FALSE(ignores_sigchld(::getpid()));
  const auto old_handler = std::signal(SIGCHLD, SIG_IGN);
  EXPECT_TRUE(ignores_sigchld(::getpid()));
  std::signal(SIGCHLD, old_handler);
}

TEST(LocksMemory, TellsWhoHasLockedSome) {
  const Mapping memory = Mapping::anonymous(page_size());
  EXPECT_FALSE(locks_memory(::getpid()));
  // Past the sanitizers, whose mlock() does nothing.
  if (::syscall(SYS_mlock, memory.data(), memory.size()) != 0) {
    GTEST_SKIP() << "no memory may be locked";
  }
  EXPECT_TRUE(locks_memory(::getpid()));
}

TEST(HasCapability, IsWhatTheThreadHasInEffect) {
  const auto text = try_read_text("/proc/self/status").value_or("");
  const std::size_t at = text.find("CapEff:");
  ASSERT_NE(at, std::string::npos);
  const unsigned long long mask = std::stoull(text.substr(at + 7), nullptr, 16);
  for (unsigned number = 0; number < 64; ++number) {
    EXPECT_EQ(has_capability(number), ((mask >> number) & 1U) != 0) << number;
  }
}

TEST(CommandLine, JoinsArgumentsAndIsCut) {
  const Subprocess child(shell("sleep 600; : some more words"));
  EXPECT_EQ(command_line(child.pid()), "sh -c sleep 600; : some more words");
  EXPECT_EQ(command_line(child.pid(), 5), "sh -c...");
  for (const ProcessInfo& info : wait_for_descendants(child.pid(), 1)) ::kill(info.pid, SIGKILL);
}

}  // namespace
}  // namespace coldload::os
