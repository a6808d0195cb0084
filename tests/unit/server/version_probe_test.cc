#include "server/version_probe.h"

#include <csignal>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "unit/temporary_directory.h"

namespace coldload::server {
namespace {

// Stands where python does: prints what it is told to.
std::string fake_python(const TemporaryDirectory& scratch, const std::string& name,
                        const std::string& body) {
  const std::string path = scratch.path() + "/" + name;
  std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
  ::chmod(path.c_str(), 0755);
  return path;
}

std::string console_script(const TemporaryDirectory& scratch, const std::string& first_lines) {
  const std::string path = scratch.path() + "/vllm";
  std::ofstream(path) << first_lines << "\nimport vllm\n";
  ::chmod(path.c_str(), 0755);
  return path;
}

TEST(InstalledVersion, AsksTheInterpreterOfAModule) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string python =
      fake_python(scratch, "python3", R"(case "$2" in *"'vllm'"*) echo 0.24.0;; esac)");
  EXPECT_EQ(installed_version({python, "-m", "vllm.entrypoints.cli.main", "serve"}, "vllm", {}),
            "0.24.0");
  EXPECT_FALSE(installed_version({python, "-m", "vllm.entrypoints.cli.main"}, "other", {}));
}

TEST(InstalledVersion, AsksTheInterpreterOfAConsoleScript) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string python = fake_python(scratch, "python3", "echo 0.32.0+cpu");
  EXPECT_EQ(installed_version({console_script(scratch, "#!" + python), "serve"}, "vllm", {}),
            "0.32.0+cpu");
  EXPECT_EQ(installed_version(
                {console_script(scratch, "#!/bin/sh\n'''exec' \"" + python + "\" \"$0\" \"$@\""),
                 "serve"},
                "vllm", {}),
            "0.32.0+cpu");
}

TEST(InstalledVersion, AsksBehindTheSameWrappersAndWithTheSameEnvironment) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string python = fake_python(scratch, "python3", "echo $A-$B");
  EXPECT_EQ(installed_version({"env", "A=1", python, "-m", "vllm.x"}, "vllm", {{"B", "2"}}), "1-2");
}

TEST(InstalledVersion, IsUnknownWhereNobodyKnows) {
  const TemporaryDirectory scratch{"coldload-test"};
  EXPECT_FALSE(installed_version({fake_python(scratch, "python3", "exit 1"), "-m", "x"}, "v", {}));
  EXPECT_FALSE(installed_version({fake_python(scratch, "python", ":"), "-m", "x"}, "v", {}));
  EXPECT_FALSE(installed_version({fake_python(scratch, "vllm", "echo 1.0"), "serve"}, "v", {}));
  EXPECT_FALSE(installed_version({"/nonexistent/vllm", "serve"}, "vllm", {}));
  EXPECT_FALSE(installed_version({"no-such-command"}, "vllm", {}));
}

TEST(InstalledVersion, DoesNotWaitForLongNorLeaveAnythingBehind) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string python =
      fake_python(scratch, "python3", "sleep 600 & echo $! > " + scratch.path() + "/pid; wait");
  const os::TimePoint begin = os::Clock::now();
  EXPECT_FALSE(installed_version({python, "-m", "vllm.x"}, "vllm", {}));
  EXPECT_GE(os::seconds_between(begin, os::Clock::now()), 4.0);
  pid_t pid = 0;
  std::ifstream(scratch.path() + "/pid") >> pid;
  ASSERT_GT(pid, 0);
  for (int i = 0; i < 200 && ::kill(pid, 0) == 0; ++i) ::usleep(10000);
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(InstalledVersion, IsNotFloodedByOutput) {
  const TemporaryDirectory scratch{"coldload-test"};
  const std::string python = fake_python(scratch, "python3", "yes 1.0");
  (void)installed_version({python, "-m", "vllm.x"}, "vllm", {});  // ends
}

}  // namespace
}  // namespace coldload::server
