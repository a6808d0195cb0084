#include "stage/source_root.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "os/error.h"
#include "os/path.h"

namespace coldload::stage {

namespace {

constexpr mode_t k_all = 0777;

// Whom a directory lets through to what lies in it. Its owner's bits are never lost: they say what
// we, as the copy's owner, get.
mode_t lets_through(mode_t mode) {
  constexpr mode_t k_owner = 0700;
  constexpr mode_t k_group = 0070;
  constexpr mode_t k_others = 0007;
  return k_owner | ((mode & S_IXGRP) != 0 ? k_group : 0) | ((mode & S_IXOTH) != 0 ? k_others : 0);
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

os::Fd SourceRoot::open(const std::string& real_path, int flags) const {
  if (real_path == path_) return directory_.open_file(".", flags);
  if (path_ != "/" && os::is_below(real_path, path_)) {
    return directory_.open_file(real_path.substr(path_.size() + 1), flags);
  }
  // Another process's files: the kernel's own link on the way is none that anybody could put there.
  if (os::is_below(real_path, "/proc")) return os::open_file(real_path, flags | O_NOFOLLOW);
  return os::Directory::open("/").open_file(real_path.substr(1), flags);
}

os::Directory SourceRoot::directory(const std::string& real_path) const {
  if (real_path == path_) return directory_.subdirectory(".");
  if (path_ != "/" && os::is_below(real_path, path_)) {
    return directory_.subdirectory(real_path.substr(path_.size() + 1));
  }
  if (os::is_below(real_path, "/proc")) return os::Directory::open(real_path);
  return os::Directory::open("/").subdirectory(real_path.substr(1));
}

bool SourceRoot::keeps_inodes(const os::Fd& file) {
  constexpr unsigned k_cifs = 0xFF534D42;
  constexpr unsigned k_smb2 = 0xFE534D42;
  constexpr unsigned k_exfat = 0x2011BAB0;
  struct statfs info {};
  if (::fstatfs(file.get(), &info) != 0) return false;
  switch (static_cast<unsigned>(info.f_type)) {
    case FUSE_SUPER_MAGIC:
    case MSDOS_SUPER_MAGIC:
    case k_exfat:
    case k_cifs:
    case k_smb2:
      return false;
    default:
      return true;
  }
}

mode_t SourceRoot::reach(const std::string& real_path) {
  if (os::is_below(path_, real_path)) return k_all;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = reach_.find(real_path); known != reach_.end()) return known->second;
  }
  const mode_t mode = os::file_status(open(real_path, O_PATH | O_DIRECTORY)).st_mode;
  const mode_t reach = lets_through(mode) & this->reach(parent_of(real_path));
  const std::lock_guard lock(mutex_);
  reach_[real_path] = reach;
  return reach;
}

}  // namespace coldload::stage
