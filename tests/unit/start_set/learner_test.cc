#include "start_set/learner.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/subprocess.h"
#include "unit/start_set/shell.h"

namespace coldload::start_set {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Mostly long enough for the watch to note an opening by the name that the file has then. Where it
// is not, the test says less.
constexpr unsigned k_noted_us = 100'000;

// A real shell is the start. On a disk: /tmp may be memory, which is in no set.
class OfAStart : public ::testing::Test {
 protected:
  OfAStart() {
    folder_ = "/var/tmp/coldload-learner.XXXXXX";
    if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no scratch in /var/tmp");
  }
  ~OfAStart() override { fs::remove_all(folder_); }

  // Older than a start that begins now, also by a clock that ticks every 10 ms.
  [[nodiscard]] std::string file(const std::string& name) const {
    const fs::path path = fs::path(folder_) / name;
    fs::create_directories(path.parent_path());
    os::replace_text(path, "x = 1\n");
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
    return path;
  }

  // Of what lies in the scratch folder; libraries come and go.
  [[nodiscard]] std::vector<std::string> here(const StartSet& set) const {
    std::vector<std::string> names;
    for (const StartFile& one : set.files) {
      if (one.path.starts_with(folder_)) {
        names.push_back(
            fmt::format("{}: {}", to_string(one.group), one.path.substr(folder_.size() + 1)));
      }
    }
    return names;
  }

  static void skip_unless_told(const StartSet& set) {
    if (set.source != Source::fanotify) GTEST_SKIP() << set.remarks.front();
  }

  std::string folder_;
};

TEST_F(OfAStart, FilesAreGroupedInTheOrderOfFirstTouch) {
  Roles roles;
  roles.weights = {file("m/model.safetensors")};
  roles.checkpoint = {file("m/config.json")};
  roles.cache_folders = {folder_ + "/cache"};
  const std::string cached = file("cache/graph");
  const std::string module = file("app/a.py");
  const std::string data = file("cached-data");
  Learner learner(roles);
  Shell shell;
  for (const std::string& path :
       {module, *roles.checkpoint.begin(), data, cached, *roles.weights.begin(), module}) {
    shell.run("exec 3<" + path);
  }
  const StartSet set = learner.finish({shell.pid()});
  skip_unless_told(set);
  // A mount of somebody else's may hang.
  EXPECT_THAT(set.remarks, Each(StartsWith("some openings were not seen: openings on ")));
  EXPECT_THAT(here(set),
              ElementsAre("program: app/a.py", "checkpoint: m/config.json", "other: cached-data",
                          "caches: cache/graph", "weights: m/model.safetensors"));
}

TEST_F(OfAStart, WhatItRunsIsItsProgramWhereverThatLies) {
  const std::string program = folder_ + "/server";
  fs::copy_file("/bin/sh", program);
  fs::last_write_time(program, fs::file_time_type::clock::now() - std::chrono::hours(1));
  Learner learner({});
  Shell shell({}, {program});
  shell.run(":");
  EXPECT_THAT(here(learner.finish({shell.pid()})), ElementsAre("program: server"));
}

TEST_F(OfAStart, WhatTheNextStartDoesNotReadIsLeftOut) {
  const std::string read = file("read");
  const std::string gone = file("gone");
  const std::string old = file("old");
  const std::string empty = folder_ + "/empty";
  os::replace_text(empty, "");
  Shell stranger;  // there before
  Learner learner({});
  Shell shell;
  stranger.run("exec 3<" + old);
  shell.run(fmt::format("echo x >{}/log; exec 3<{}/log; exec 4<{}; exec 5<{}; exec 6<{}; exec 7<{}",
                        folder_, folder_, gone, folder_, empty, read));
  fs::remove(gone);
  const StartSet set = learner.finish({shell.pid()});
  skip_unless_told(set);
  EXPECT_THAT(here(set), ElementsAre("other: read"));
}

TEST_F(OfAStart, CodeThatItCompiledIsReadByTheNextUnderItsLastName) {
  Learner learner({});
  Shell shell;
  fs::create_directories(folder_ + "/__pycache__");
  shell.run(fmt::format("cd {}/__pycache__; echo x >a.pyc.140; exec 3<a.pyc.140", folder_));
  ::usleep(k_noted_us);
  fs::rename(folder_ + "/__pycache__/a.pyc.140", folder_ + "/__pycache__/a.pyc");
  const StartSet set = learner.finish({shell.pid()});
  skip_unless_told(set);
  EXPECT_THAT(here(set), ElementsAre("program: __pycache__/a.pyc"));
}

TEST_F(OfAStart, WhatItWroteToItsCachesIsReadByTheNextByWhateverNameItWasMade) {
  (void)file("cache/of-another-model");
  (void)file("cache/read");
  Roles roles;
  roles.cache_folders = {folder_ + "/cache", folder_ + "/none"};
  Learner learner(roles);
  Shell shell;
  shell.run(fmt::format("cd {}/cache; exec 3<read; echo x >tmp.123", folder_));
  ::usleep(k_noted_us);
  fs::rename(folder_ + "/cache/tmp.123", folder_ + "/cache/graph");
  const StartSet set = learner.finish({shell.pid()});
  skip_unless_told(set);
  EXPECT_THAT(here(set), ElementsAre("caches: cache/read", "caches: cache/graph"));
}

TEST_F(OfAStart, FilesInMemoryAndColdloadItselfAreNone) {
  const std::string in_memory = fmt::format("/dev/shm/coldload-learner-{}", ::getpid());
  Learner learner({});
  Shell shell;
  if (fs::is_directory("/dev/shm")) os::replace_text(in_memory, "x");
  const std::string own = fs::read_symlink("/proc/self/exe").string();
  shell.run(fmt::format("exec 3<{}; [ ! -e {} ] || exec 4<{}", own, in_memory, in_memory));
  const StartSet set = learner.finish({shell.pid()});
  fs::remove(in_memory);
  for (const StartFile& one : set.files) {
    EXPECT_NE(one.path, in_memory);
    EXPECT_NE(one.path, own);
  }
}

TEST_F(OfAStart, AFileOfTwoNamesIsOne) {
  const std::string one = file("one");
  fs::create_hard_link(one, folder_ + "/two");
  Learner learner({});
  Shell shell;
  shell.run(fmt::format("exec 3<{}; exec 4<{}/two", one, folder_));
  const StartSet set = learner.finish({shell.pid()});
  skip_unless_told(set);
  EXPECT_EQ(here(set).size(), 1U);
}

// Runs `body` in a child that is another user, who may not watch; what it returns is told.
std::string as_nobody(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t k_nobody = 65534;
    std::string words = "cannot become another user";
    if (::setgid(k_nobody) == 0 && ::setuid(k_nobody) == 0) {
      try {
        words = body();
      } catch (const std::exception& error) {
        words = error.what();
      }
    }
    (void)!::write(ends[1], words.data(), words.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string words;
  std::array<char, 4096> text{};
  for (ssize_t length = 0; (length = ::read(ends[0], text.data(), text.size())) > 0;) {
    words.append(text.data(), static_cast<std::size_t>(length));
  }
  ::close(ends[0]);
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return words;
}

TEST_F(OfAStart, WithoutAWatchWhatIsInMemoryOfTheFoldersOfItsCodeIsTheSet) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  constexpr uid_t k_nobody = 65534;
  const std::string open = file("data/open");
  const std::string named = file("etc/config");
  for (const char* const name : {"lib/a.py", "lib/text", "lib/deep/b.py", "data/beside"}) {
    (void)file(name);
  }
  const std::string of_root = file("root/open");
  fs::permissions(folder_, fs::perms::all);
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    const bool is_roots = entry.path().string().find("/root") != std::string::npos;
    if (!is_roots && ::chown(entry.path().c_str(), k_nobody, k_nobody) != 0) FAIL();
    fs::permissions(entry.path(),
                    fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  }
  const std::string words = as_nobody([&] {
    Learner learner({});
    Shell shell({{"PYTHONPATH", folder_ + "/lib"}}, {"sh", "-s", named});
    shell.run(fmt::format("exec 3<{}; exec 4<{}", open, of_root));
    // In memory as they were just written, unless the kernel took them: then they come again.
    for (const char* const name :
         {"lib/a.py", "lib/text", "lib/deep/b.py", "data/beside", "etc/config", "data/open"}) {
      (void)os::read_text(folder_ + "/" + name);
    }
    const StartSet set = learner.finish({shell.pid()});
    std::string told = set.remarks.size() == 1 ? set.remarks.front() : "no remark";
    for (const std::string& one : here(set)) told += "\n" + one;
    for (const StartFile& one : set.files) {
      if (one.path == of_root && !one.in_memory.empty()) told += "\nknows what it cannot";
    }
    return told;
  });
  EXPECT_THAT(words, HasSubstr("which files the start opens was not told"));
  EXPECT_EQ(words.substr(words.find('\n') + 1),
            "other: data/open\nother: etc/config\nprogram: lib/a.py\nprogram: lib/deep/b.py\n"
            "other: root/open");
}

}  // namespace
}  // namespace coldload::start_set
