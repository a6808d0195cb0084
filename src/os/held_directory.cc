#include "os/held_directory.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/path.h"

namespace coldload::os {

namespace {

Fd opened(const std::string& path) {
  return {::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), path};
}

bool lock(const Fd& directory, int how) {
  while (::flock(directory.get(), how) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

// Whether the name still leads to it: whoever clears up after the dead may have been quicker than
// its maker's lock.
bool is_there(const Fd& directory) {
  struct stat held {};
  struct stat named {};
  return ::fstat(directory.get(), &held) == 0 && ::lstat(directory.path().c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace

Fd make_held_directory(const std::string& prefix) {
  constexpr int k_attempts = 16;
  for (int attempt = 0;; ++attempt) {
    std::string path = prefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw SystemError("create a directory", path, errno);
    Fd directory = hold_directory(path);
    if (directory.valid()) return directory;
    if (attempt == k_attempts) throw SystemError("lock", path, errno);
    ::rmdir(path.c_str());
  }
}

Fd hold_directory(const std::string& path) {
  Fd directory = opened(path);
  if (!directory.valid() || !lock(directory, LOCK_SH) || !is_there(directory)) return {};
  return directory;
}

std::vector<Fd> abandoned_directories(const std::string& prefix) {
  std::vector<Fd> abandoned;
  const std::size_t slash = prefix.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : prefix.substr(0, slash);
  const std::string_view begin =
      std::string_view(prefix).substr(slash == std::string::npos ? 0 : slash + 1);
  for_each_name(parent, [&](const char* entry) {
    const std::string_view name = entry;
    if (name.substr(0, begin.size()) != begin) return true;
    Fd directory = opened(parent + "/" + std::string(name));
    struct stat info {};
    const bool is_ours = directory.valid() && ::fstat(directory.get(), &info) == 0 &&
                         info.st_uid == ::geteuid() && lock(directory, LOCK_EX | LOCK_NB);
    if (is_ours) abandoned.push_back(std::move(directory));
    return true;
  });
  return abandoned;
}

}  // namespace coldload::os
