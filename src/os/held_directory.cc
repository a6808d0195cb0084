#include "os/held_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
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

constexpr std::string_view k_letters = "XXXXXX";  // of mkdtemp(3)

bool is_name_of_ours(std::string_view name, std::string_view begin) {
  if (name.size() != begin.size() + k_letters.size() || name.substr(0, begin.size()) != begin) {
    return false;
  }
  const std::string_view end = name.substr(begin.size());
  return std::all_of(end.begin(), end.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

bool has_mark(const Fd& directory) {
  struct stat own {};
  struct stat mark {};
  return ::fstat(directory.get(), &own) == 0 && own.st_uid == ::geteuid() &&
         ::fstatat(directory.get(), k_held_mark, &mark, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(mark.st_mode) && mark.st_uid == own.st_uid;
}

// Its error's number, or 0.
int make_mark(const Fd& directory) {
  const Fd mark(::openat(directory.get(), k_held_mark,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
                directory.path());
  return mark.valid() ? 0 : errno;
}

bool lock_is_proof(const Fd& directory) {
  struct statfs info {};
  return ::fstatfs(directory.get(), &info) == 0 &&
         locks_are_seen_by_all(static_cast<std::uint64_t>(info.f_type));
}

}  // namespace

bool locks_are_seen_by_all(std::uint64_t fs_type) {
  // Numbers from linux/magic.h, or the file system's own source where it has none there.
  constexpr std::array<std::uint64_t, 17> k_local{
      0xEF53,      // ext2, ext3, ext4
      0x58465342,  // XFS
      0x9123683E,  // Btrfs
      0x01021994,  // tmpfs
      0x858458F6,  // ramfs
      0x794C7630,  // overlayfs
      0xF2F52010,  // F2FS
      0x2FC12FC1,  // ZFS
      0xCA451A4E,  // bcachefs
      0x3153464A,  // JFS
      0x52654973,  // ReiserFS
      0x3434,      // NILFS2
      0x4D44,      // FAT
      0x2011BAB0,  // exFAT
      0x7366746E,  // NTFS (ntfs3)
      0x24051905,  // UBIFS
      0x4244,      // HFS
  };
  return std::find(k_local.begin(), k_local.end(), fs_type) != k_local.end();
}

Fd make_held_directory(const std::string& prefix) {
  constexpr int k_attempts = 16;
  for (int attempt = 0;; ++attempt) {
    std::string path = prefix + std::string(k_letters);
    if (::mkdtemp(path.data()) == nullptr) throw SystemError("create a directory", path, errno);
    Fd directory = hold_directory(path);
    if (directory.valid()) {
      const int error = make_mark(directory);
      if (error == 0) return directory;
      ::rmdir(path.c_str());
      throw SystemError("create a file in", path, error);
    }
    if (attempt == k_attempts) throw SystemError("lock", path, errno);
    ::rmdir(path.c_str());
  }
}

Fd hold_directory(const std::string& path) {
  Fd directory = opened(path);
  if (!directory.valid() || !lock(directory, LOCK_SH) || !is_there(directory)) return {};
  return directory;
}

void remove_mark(const Fd& directory) {
  if (::unlinkat(directory.get(), k_held_mark, 0) != 0) {
    throw SystemError("remove the mark in", directory.path(), errno);
  }
}

bool remove_held_directory(const std::string& path) noexcept {
  try {
    bool has_more = false;
    for_each_name(path, [&has_more](const char* name) {
      has_more = std::string_view(name) != k_held_mark;
      return !has_more;
    });
    if (has_more) return false;  // the mark stays with what is left
    ::unlink((path + "/" + k_held_mark).c_str());
    return ::rmdir(path.c_str()) == 0;
  } catch (...) {
    return false;
  }
}

AbandonedDirectories abandoned_directories(const std::string& prefix) {
  AbandonedDirectories abandoned;
  const std::size_t slash = prefix.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : prefix.substr(0, slash);
  const std::string_view begin =
      std::string_view(prefix).substr(slash == std::string::npos ? 0 : slash + 1);
  for_each_name(parent, [&](const char* name) {
    if (!is_name_of_ours(name, begin)) return true;
    Fd directory = opened(parent + "/" + name);
    if (!directory.valid() || !has_mark(directory)) return true;
    if (!lock(directory, LOCK_EX | LOCK_NB)) return true;
    // Its owner may have been about to give it another name, or another coldload to remove it.
    if (!is_there(directory) || !has_mark(directory)) return true;
    if (lock_is_proof(directory)) {
      abandoned.removable.push_back(std::move(directory));
    } else {
      abandoned.left_alone.push_back(
          fmt::format("left {} alone: no coldload on this machine lives in it, but on its file "
                      "system one on another machine may; remove it if none does",
                      directory.path()));
    }
    return true;
  });
  return abandoned;
}

}  // namespace coldload::os
