#include "stand_in/tree.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "os/path.h"

namespace coldload::stand_in {

namespace {

namespace fs = std::filesystem;

std::string magic_link(const os::Fd& file) { return fmt::format("/proc/self/fd/{}", file.get()); }

std::optional<std::string> path_of(const os::Fd& file) {
  std::error_code problem;
  const fs::path path = fs::read_symlink(magic_link(file), problem);
  return problem ? std::nullopt : std::optional(path.string());
}

os::Fd open_below(const os::Fd& directory, const char* name, int flags) {
  os::Fd opened(::openat(directory.get(), name, flags | O_CLOEXEC), name);
  if (!opened.valid()) throw os::SystemError("open", name, errno);
  return opened;
}

}  // namespace

Tree::Tree(const std::string& directory, std::string mount_point, OutsideLinks links)
    : mount_point_(std::move(mount_point)), links_(links), root_(std::make_unique<Inode>()) {
  root_->handle = os::open_file(directory, O_PATH | O_DIRECTORY);
  root_->id = os::file_id(root_->handle);
  path_ = path_of(root_->handle).value_or(directory);
}

// Inode numbers of another device could collide with those of the root's.
struct stat Tree::shown(struct stat status) const {
  constexpr unsigned k_shift = 48;
  if (status.st_dev != root_->id.device) {
    status.st_ino ^= static_cast<ino_t>(status.st_dev) << k_shift;
  }
  return status;
}

bool Tree::leaves_tree(const os::Fd& handle) const {
  const auto path = path_of(handle);
  return path && !os::is_below(*path, path_) && !os::is_below(*path, mount_point_);
}

Tree::Found Tree::lookup(const Inode& parent, const char* name) {
  os::Fd handle = open_below(parent.handle, name, O_PATH | O_NOFOLLOW);
  struct stat status = os::file_status(handle);
  if (S_ISLNK(status.st_mode) && links_ == OutsideLinks::as_files) {
    os::Fd target(::openat(parent.handle.get(), name, O_PATH | O_CLOEXEC), name);
    if (target.valid() && leaves_tree(target)) {
      handle = std::move(target);
      status = os::file_status(handle);
    }
  }
  const os::FileId id{status.st_dev, status.st_ino};
  if (id == root_->id) throw os::SystemError("look up", name, ELOOP);
  const std::lock_guard lock(mutex_);
  auto& slot = inodes_[id];
  if (!slot) slot = std::make_unique<Inode>(Inode{std::move(handle), id});
  ++slot->lookups;
  return {slot.get(), shown(status)};
}

void Tree::forget(Inode& inode, std::uint64_t lookups) {
  const std::lock_guard lock(mutex_);
  if (&inode == root_.get()) return;
  inode.lookups -= std::min(inode.lookups, lookups);
  if (inode.lookups == 0) inodes_.erase(inode.id);
}

struct stat Tree::status_of(const Inode& inode) const {
  return shown(os::file_status(inode.handle));
}

std::string Tree::link_text(const Inode& inode) {
  char buffer[PATH_MAX];
  const ssize_t got = ::readlinkat(inode.handle.get(), "", buffer, sizeof buffer);
  if (got < 0) throw os::SystemError("read the link", inode.handle.path(), errno);
  if (static_cast<std::size_t>(got) == sizeof buffer) {
    throw os::SystemError("read the link", inode.handle.path(), ENAMETOOLONG);
  }
  return {buffer, static_cast<std::size_t>(got)};
}

std::vector<Tree::Entry> Tree::list(const Inode& inode) const {
  os::Fd opened = open_below(inode.handle, ".", O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(opened.get()), ::closedir);
  if (!directory) throw os::SystemError("list", inode.handle.path(), errno);
  [[maybe_unused]] const int owned_by_directory = opened.release();
  std::vector<Entry> entries;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    auto type = static_cast<mode_t>(DTTOIF(entry->d_type));
    // A link may be shown as a file: lookup tells.
    if (links_ == OutsideLinks::as_files && S_ISLNK(type)) type = 0;
    entries.push_back({entry->d_name, entry->d_ino, type});
    errno = 0;
  }
  if (errno != 0) throw os::SystemError("list", inode.handle.path(), errno);
  return entries;
}

Tree::Opened Tree::open(Inode& inode, int extra_flags) {
  const struct stat status = os::file_status(inode.handle);
  const std::string path = magic_link(inode.handle);
  if (!S_ISREG(status.st_mode)) {
    throw os::SystemError("read", path, S_ISDIR(status.st_mode) ? EISDIR : EACCES);
  }
  os::Fd file = os::open_file(path, O_RDONLY | extra_flags);
  const Inode::Version now{status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  const std::lock_guard lock(mutex_);
  const bool unchanged = inode.opened_as.value_or(now) == now;
  inode.opened_as = now;
  return {std::move(file), static_cast<std::uint64_t>(status.st_size), unchanged};
}

struct statvfs Tree::file_system() const {
  struct statvfs status {};
  if (::fstatvfs(root_->handle.get(), &status) != 0) {
    throw os::SystemError("ask for the free space of", path_, errno);
  }
  return status;
}

bool Tree::present() const {
  struct stat status {};
  return ::stat(path_.c_str(), &status) == 0 &&
         os::FileId{status.st_dev, status.st_ino} == root_->id;
}

}  // namespace coldload::stand_in
