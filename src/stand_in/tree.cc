#include "stand_in/tree.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "os/path.h"

namespace coldload::stand_in {

namespace {

std::string magic_link(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

std::optional<std::string> path_of(int fd) {
  char text[PATH_MAX];
  const ssize_t got = ::readlink(magic_link(fd).c_str(), text, sizeof text);
  if (got <= 0 || static_cast<std::size_t>(got) == sizeof text) return std::nullopt;
  return std::string(text, static_cast<std::size_t>(got));
}

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

Tree::Tree(const std::string& directory, std::string mount_point, OutsideLinks links)
    : mount_point_(std::move(mount_point)), links_(links), root_(std::make_unique<Inode>()) {
  root_->handle = os::open_file(directory, O_PATH | O_DIRECTORY);
  struct stat status {};
  if (::fstat(root_->handle.get(), &status) != 0) throw os::SystemError("stat", directory, errno);
  root_->device = status.st_dev;
  root_->number = status.st_ino;
  path_ = path_of(root_->handle.get()).value_or(directory);
}

// Inode numbers of another device could collide with those of the root's.
void Tree::show(struct stat* status) const {
  if (status->st_dev == root_->device) return;
  constexpr unsigned k_shift = 48;
  status->st_ino ^= static_cast<ino_t>(status->st_dev) << k_shift;
}

bool Tree::leaves_tree(int handle) const {
  const auto path = path_of(handle);
  return path && !os::is_below(*path, path_) && !os::is_below(*path, mount_point_);
}

int Tree::lookup(const Inode& parent, const char* name, Inode** found, struct stat* status) {
  os::Fd handle(::openat(parent.handle.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC), name);
  if (!handle.valid()) return errno;
  if (::fstat(handle.get(), status) != 0) return errno;
  if (S_ISLNK(status->st_mode) && links_ == OutsideLinks::as_files) {
    os::Fd target(::openat(parent.handle.get(), name, O_PATH | O_CLOEXEC), name);
    if (target.valid() && leaves_tree(target.get())) {
      handle = std::move(target);
      if (::fstat(handle.get(), status) != 0) return errno;
    }
  }
  const std::lock_guard lock(mutex_);
  if (status->st_dev == root_->device && status->st_ino == root_->number) return ELOOP;
  auto& slot = inodes_[{status->st_dev, status->st_ino}];
  if (!slot) {
    slot = std::make_unique<Inode>();
    slot->handle = std::move(handle);
    slot->device = status->st_dev;
    slot->number = status->st_ino;
  }
  ++slot->lookups;
  *found = slot.get();
  show(status);
  return 0;
}

void Tree::forget(Inode& inode, std::uint64_t lookups) {
  const std::lock_guard lock(mutex_);
  if (&inode == root_.get()) return;
  inode.lookups -= std::min(inode.lookups, lookups);
  if (inode.lookups == 0) inodes_.erase({inode.device, inode.number});
}

int Tree::status_of(const Inode& inode, struct stat* status) const {
  if (::fstat(inode.handle.get(), status) != 0) return errno;
  show(status);
  return 0;
}

int Tree::link_text(const Inode& inode, std::string* text) const {
  char buffer[PATH_MAX];
  const ssize_t got = ::readlinkat(inode.handle.get(), "", buffer, sizeof buffer);
  if (got < 0) return errno;
  if (static_cast<std::size_t>(got) == sizeof buffer) return ENAMETOOLONG;
  text->assign(buffer, static_cast<std::size_t>(got));
  return 0;
}

int Tree::list(const Inode& inode, std::vector<Entry>* entries) const {
  const int fd = ::openat(inode.handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  DIR* directory = ::fdopendir(fd);
  if (directory == nullptr) {
    const int error_number = errno;
    ::close(fd);
    return error_number;
  }
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    auto type = static_cast<mode_t>(DTTOIF(entry->d_type));
    // A link may be shown as a file: lookup tells.
    if (links_ == OutsideLinks::as_files && S_ISLNK(type)) type = 0;
    entries->push_back({entry->d_name, entry->d_ino, type});
    errno = 0;
  }
  const int error_number = errno;
  ::closedir(directory);
  return error_number;
}

int Tree::open(Inode& inode, int extra_flags, os::Fd* file, std::uint64_t* bytes, bool* unchanged) {
  struct stat status {};
  if (::fstat(inode.handle.get(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return S_ISDIR(status.st_mode) ? EISDIR : EACCES;
  const std::string path = magic_link(inode.handle.get());
  *file = os::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | extra_flags), path);
  if (!file->valid()) return errno;
  *bytes = static_cast<std::uint64_t>(status.st_size);
  const std::lock_guard lock(mutex_);
  *unchanged = !inode.opened_before || (inode.seen_size == status.st_size &&
                                        same_time(inode.seen_modified, status.st_mtim));
  inode.opened_before = true;
  inode.seen_size = status.st_size;
  inode.seen_modified = status.st_mtim;
  return 0;
}

int Tree::file_system(struct statvfs* status) const {
  return ::fstatvfs(root_->handle.get(), status) == 0 ? 0 : errno;
}

bool Tree::present() const {
  struct stat status {};
  return ::stat(path_.c_str(), &status) == 0 && status.st_dev == root_->device &&
         status.st_ino == root_->number;
}

}  // namespace coldload::stand_in
