#include "os/directory.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>
#include <random>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

namespace {

int retried(const std::function<int()>& call) {
  int result = -1;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

// Part by part, for kernels before 5.6 and for sandboxes that do not know openat2(2).
int open_by_parts(int directory, std::string_view name, int flags, mode_t mode) {
  Fd at;  // the directory of the part that is next
  for (;;) {
    const int from = at.valid() ? at.get() : directory;
    const std::size_t slash = name.find('/');
    const std::string part(name.substr(0, slash));
    if (part.empty() || part == "..") {
      errno = EXDEV;
      return -1;
    }
    if (slash == std::string_view::npos) {
      return retried([&] { return ::openat(from, part.c_str(), flags | O_NOFOLLOW, mode); });
    }
    const int next = retried([&] {
      return ::openat(from, part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    });
    if (next < 0) return -1;
    at = Fd(next, part);
    name.remove_prefix(slash + 1);
  }
}

// `extra`: more of RESOLVE_*.
int open_beneath(int directory, const std::string& name, int flags, mode_t mode,
                 std::uint64_t extra = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | extra;
  const int fd = retried([&] {
    return static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how));
  });
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  return open_by_parts(directory, name, flags | O_CLOEXEC, mode);
}

std::string unguessable(const std::string& prefix) {
  std::random_device device;
  return fmt::format("{}{:08x}{:08x}", prefix, device(), device());
}

// A list that breaks off is no shorter directory: SystemError.
void for_each_entry(DIR* stream, const std::string& path,
                    const std::function<bool(const char*)>& take) {
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !take(entry->d_name)) return;
  }
  if (errno != 0) throw SystemError("list", path, errno);
}

bool is_mounted_there(int directory, int below) {
  struct stat one {};
  struct stat other {};
  return ::fstat(directory, &one) == 0 && ::fstat(below, &other) == 0 && one.st_dev != other.st_dev;
}

// One that this process may look into, whatever its mode; nothing is left to say of what cannot be
// removed but the path.
void remove_tree_at(int directory, const std::string& name, const std::string& path) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return;
  // EISDIR on Linux, EPERM as POSIX has it.
  if (errno != EISDIR && errno != EPERM) throw SystemError("remove", path, errno);
  // What is mounted there is not the tree's.
  const int fd = open_beneath(directory, name, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_XDEV);
  if (fd < 0) throw SystemError("remove", path, errno);
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::fdopendir(fd), close);
  if (!stream) {
    ::close(fd);
    throw SystemError("list", path, errno);
  }
  if (is_mounted_there(directory, fd)) throw SystemError("remove", path, EXDEV);  // no openat2(2)
  for_each_entry(stream.get(), path, [&](const char* own) {
    remove_tree_at(fd, own, path + "/" + own);
    return true;
  });
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw SystemError("remove", path, errno);
  }
}

}  // namespace

Directory Directory::open(const std::string& path) {
  return Directory(os::open_file(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
}

std::string Directory::path_of(std::string_view name) const {
  if (path() == ".") return std::string(name);
  return fmt::format("{}{}{}", path(), path().ends_with('/') ? "" : "/", name);
}

Directory Directory::again() const { return reached_by("."); }

Directory Directory::reached_by(const std::string& path) const {
  const int fd = retried(
      [&] { return ::openat(fd_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  const std::string shown = path == "." ? fd_.path() : (path.front() == '/' ? path : path_of(path));
  if (fd < 0) throw SystemError("open", shown, errno);
  return Directory(Fd(fd, shown));
}

Directory Directory::subdirectory(const std::string& name) const {
  return Directory(open_file(name, O_RDONLY | O_DIRECTORY));
}

bool Directory::make_subdirectory(const std::string& name, mode_t mode) const {
  if (::mkdirat(fd_.get(), name.c_str(), mode) == 0) return true;
  if (errno == EEXIST) return false;
  throw SystemError("create", path_of(name), errno);
}

Fd Directory::open_file(const std::string& name, int flags, mode_t mode) const {
  const int fd = open_beneath(fd_.get(), name, flags, mode);
  if (fd < 0) throw SystemError("open", path_of(name), errno);
  return {fd, path_of(name)};
}

Fd Directory::create_file(const std::string& name, mode_t mode) const {
  return open_file(name, O_WRONLY | O_CREAT | O_EXCL, mode);
}

Fd Directory::create_unguessable(const std::string& prefix, mode_t mode, std::string* name) const {
  *name = unguessable(prefix);
  return create_file(*name, mode);
}

std::optional<struct stat> Directory::look(const std::string& name) const {
  struct stat info {};
  if (::fstatat(fd_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return info;
  if (errno == ENOENT) return std::nullopt;
  throw SystemError("look at", path_of(name), errno);
}

std::string Directory::read_link(const std::string& name) const {
  std::array<char, PATH_MAX> target{};
  const ssize_t bytes = ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
  if (bytes < 0) throw SystemError("read the link", path_of(name), errno);
  return {target.data(), static_cast<std::size_t>(bytes)};
}

void Directory::rename(const std::string& name, const Directory& to, const std::string& new_name,
                       unsigned flags) const {
  if (::renameat2(fd_.get(), name.c_str(), to.fd_.get(), new_name.c_str(), flags) != 0) {
    throw SystemError("rename", fmt::format("{} to {}", path_of(name), to.path_of(new_name)),
                      errno);
  }
}

bool Directory::remove_file(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw SystemError("remove", path_of(name), errno);
}

void Directory::remove_tree(const std::string& name) const {
  remove_tree_at(fd_.get(), name, path_of(name));
}

void Directory::for_each_name(const std::function<bool(const char*)>& take) const {
  // A descriptor of its own: the stream moves its offset, and closes it.
  const int fd = open_beneath(fd_.get(), ".", O_RDONLY | O_DIRECTORY, 0);
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(fd < 0 ? nullptr : ::fdopendir(fd), close);
  if (!stream) throw SystemError("list", path(), errno);
  for_each_entry(stream.get(), path(), take);
}

void Directory::flush() const {
  if (::fsync(fd_.get()) != 0 && errno != EINVAL) throw SystemError("flush", path(), errno);
}

uid_t Directory::owner_of_new_files() const {
  std::string name;
  const Fd file = create_unguessable(".coldload-", 0600, &name);
  const uid_t owner = file_status(file).st_uid;
  remove_file(name);
  return owner;
}

}  // namespace coldload::os
