#include "os/fd.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/error.h"
#include "os/told_step.h"

namespace coldload::os {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Fd open_file(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw SystemError("open", path, errno);
  return {fd, path};
}

namespace {

const char* file_kind(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode)) return "a character device";
  if (S_ISBLK(mode)) return "a block device";
  return "not a regular file";
}

void require_regular(const struct stat& info, const std::string& path) {
  if (S_ISREG(info.st_mode)) return;
  throw Error(
      fmt::format("cannot read {}: it is {}, not a regular file", path, file_kind(info.st_mode)));
}

}  // namespace

std::uint64_t regular_file_size(const std::string& path) {
  about_to("look at", path);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw SystemError("open", path, errno);
  require_regular(info, path);
  return static_cast<std::uint64_t>(info.st_size);
}

Fd open_regular(const std::string& path, int extra_flags) {
  // Look before opening: opening a device or a FIFO can have effects of its own.
  static_cast<void>(regular_file_size(path));
  about_to("open", path);
  Fd file = open_file(path, O_RDONLY | O_NONBLOCK | extra_flags);
  require_regular(file_status(file), path);
  return file;
}

struct stat file_status(const Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw SystemError("stat", file.path(), errno);
  return info;
}

bool lies_on_fuse(const Fd& file) {
  struct statfs info {};
  return ::fstatfs(file.get(), &info) == 0 && info.f_type == FUSE_SUPER_MAGIC;
}

std::string path_by_descriptor(const Fd& file) {
  return fmt::format("/proc/self/fd/{}", file.get());
}

std::uint64_t file_size(const Fd& file) {
  return static_cast<std::uint64_t>(file_status(file).st_size);
}

std::size_t pread_full(const Fd& file, std::span<std::byte> buffer, std::uint64_t offset) {
  about_to("read", file.path());
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = ::pread(file.get(), buffer.data() + done, buffer.size() - done,
                                static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      throw SystemError("read", file.path(), errno);
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

bool read_some(const Fd& file, std::string* text) {
  constexpr std::size_t k_step = 64 << 10;
  const std::size_t old_size = text->size();
  text->resize(old_size + k_step);
  ssize_t got = -1;
  do {
    got = ::read(file.get(), text->data() + old_size, k_step);
  } while (got < 0 && errno == EINTR);
  text->resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) throw SystemError("read", file.path(), errno);
  return got > 0;
}

void write_full(const Fd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file.get(), text.data(), text.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      throw SystemError("write", file.path(), errno);
    }
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

bool poll_until(std::span<pollfd> entries, std::optional<TimePoint> deadline) {
  constexpr std::int64_t k_ns_per_s = 1'000'000'000;
  while (true) {
    timespec limit{};
    if (deadline) {
      const std::chrono::nanoseconds left = std::max(*deadline - Clock::now(), Clock::duration(0));
      limit = {left.count() / k_ns_per_s, left.count() % k_ns_per_s};
    }
    const int count = ::ppoll(entries.data(), entries.size(), deadline ? &limit : nullptr, nullptr);
    if (count >= 0 || errno != EINTR) return count > 0;
  }
}

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw SystemError("create a pipe", "", errno);
  return {Fd(ends[0], "pipe"), Fd(ends[1], "pipe")};
}

}  // namespace coldload::os
