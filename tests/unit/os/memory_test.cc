#include "os/memory.h"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

constexpr std::uint64_t k_mib = 1 << 20;

// The files of a machine with 8 GiB available.
class Machine {
 public:
  Machine() { write("/proc/meminfo", "MemTotal:  16777216 kB\nMemAvailable:    8388608 kB\n"); }

  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = root_.path() + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  // A group of cgroup v2 that uses 900 MiB of its 1000.
  void group(const std::string& folder, const std::string& stat) const {
    write(folder + "/memory.max", std::to_string(1000 * k_mib) + "\n");
    write(folder + "/memory.current", std::to_string(900 * k_mib) + "\n");
    write(folder + "/memory.stat", stat);
  }
  // The same of v1.
  void old_group(const std::string& folder, const std::string& stat) const {
    write(folder + "/memory.limit_in_bytes", std::to_string(1000 * k_mib) + "\n");
    write(folder + "/memory.usage_in_bytes", std::to_string(900 * k_mib) + "\n");
    write(folder + "/memory.stat", stat);
  }
  std::optional<std::uint64_t> available_mib() const {
    const auto bytes = available_memory_bytes_at(root_.path());
    return bytes ? std::optional(*bytes / k_mib) : std::nullopt;
  }

 private:
  TemporaryDirectory root_{"machine"};
};

std::string line(const std::string& key, std::uint64_t mib) {
  return key + " " + std::to_string(mib * k_mib) + "\n";
}

TEST(AvailableMemory, IsTheMachinesWhereNoGroupLimitsIt) {
  const Machine machine;
  EXPECT_EQ(machine.available_mib(), 8192U);
  machine.write("/proc/self/cgroup", "0::/a\n");
  machine.write("/sys/fs/cgroup/a/memory.max", "max\n");
  EXPECT_EQ(machine.available_mib(), 8192U);
}

TEST(AvailableMemory, IsNothingWhereNobodySays) {
  const TemporaryDirectory empty("machine");
  EXPECT_FALSE(available_memory_bytes_at(empty.path()));
}

TEST(AvailableMemory, IsWhatTheTightestGroupAboveUsLeaves) {
  const Machine machine;
  machine.write("/proc/self/cgroup", "0::/a/b\n");
  machine.group("/sys/fs/cgroup/a", "");
  EXPECT_EQ(machine.available_mib(), 100U);
}

TEST(AvailableMemory, CountsPagesOfFilesAsFreeButNotThoseOfTmpfs) {
  const Machine machine;
  machine.write("/proc/self/cgroup", "0::/a\n");
  // 600 MiB of "file", half of which are tmpfs's: no memory comes back from these.
  machine.group("/sys/fs/cgroup/a", line("anon", 300) + line("file", 600) + line("shmem", 300) +
                                        line("inactive_anon", 600) + line("active_file", 100) +
                                        line("inactive_file", 200));
  EXPECT_EQ(machine.available_mib(), 400U);
}

TEST(AvailableMemory, CountsSoInTheOldHierarchyToo) {
  const Machine machine;
  machine.write("/proc/self/cgroup", "4:cpu,memory:/a\n0::/\n");
  machine.old_group("/sys/fs/cgroup/memory/a",
                    line("cache", 1) + line("active_file", 1) + line("total_cache", 600) +
                        line("total_shmem", 300) + line("total_inactive_anon", 600) +
                        line("total_inactive_file", 100) + line("total_active_file", 200));
  EXPECT_EQ(machine.available_mib(), 400U);
}

// A limit that really holds, in the hierarchy of cgroup v1 that most containers' hosts had.
class RealGroup : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto own = try_read_text("/proc/self/cgroup").value_or("");
    const std::size_t at = own.find(":memory:");
    if (at == std::string::npos) GTEST_SKIP() << "no memory controller of cgroup v1";
    const std::size_t begin = at + std::string(":memory:").size();
    folder_ = "/sys/fs/cgroup/memory" + own.substr(begin, own.find('\n', begin) - begin) +
              "/coldload-test-" + std::to_string(::getpid());
    std::error_code error;
    if (!std::filesystem::create_directory(folder_, error)) {
      GTEST_SKIP() << "cannot make a memory cgroup: " << error.message();
    }
  }
  void TearDown() override {
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }

  std::string folder_;
};

TEST_F(RealGroup, WhatLiesInTmpfsIsNotFree) {
  const std::string path = "/dev/shm/coldload-memory-" + std::to_string(::getpid());
  const auto put = [&](const char* name, const std::string& text) {
    const Fd file(::open((folder_ + name).c_str(), O_WRONLY | O_CLOEXEC), name);
    return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  };
  if (!put("/memory.limit_in_bytes", std::to_string(256 * k_mib))) {
    GTEST_SKIP() << "cannot limit a memory cgroup: " << error_text(errno);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), path);
    ::unlink(path.c_str());
    if (!put("/cgroup.procs", "0") || !file.valid()) ::_exit(77);
    const auto before = available_memory_bytes();
    // Piece by piece: a sanitizer needs several times what the program does.
    for (int i = 0; i < 64; ++i) write_full(file, std::string(k_mib, 'x'));
    const auto after = available_memory_bytes();
    const bool limited = before && *before <= 256 * k_mib;
    ::_exit(limited && after && *after + 60 * k_mib <= *before ? 3 : 4);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no memory at /dev/shm, or no way into a cgroup";
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

}  // namespace
}  // namespace coldload::os
