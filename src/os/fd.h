// File descriptors with one owner, and the calls on them that must not be
// interrupted or cut short.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "os/clock.h"

namespace coldload::os {

// Owns one descriptor; closes it on destruction. Keeps the path for messages.
class Fd {
 public:
  Fd() = default;
  Fd(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Gives the descriptor away; the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset() noexcept;

 private:
  int fd_ = -1;
  std::string path_;
};

// open(2) with O_CLOEXEC added. Throws SystemError.
[[nodiscard]] Fd open_file(const std::string& path, int flags, mode_t mode = 0);

// Size in bytes of the regular file at `path`, links followed, without opening it: a device or a
// FIFO is not touched, and on FUSE opening alone can drop a file's page cache. Anything but a
// regular file is an Error that says what it is.
[[nodiscard]] std::uint64_t regular_file_size(const std::string& path);

// Opens a regular file for reading. O_NONBLOCK, so that a FIFO or a device in its place cannot
// hang the caller; anything but a regular file is an Error that says what it is.
[[nodiscard]] Fd open_regular(const std::string& path, int extra_flags = 0);

// What fstat(2) says of it. Throws SystemError.
[[nodiscard]] struct stat file_status(const Fd& file);
// Whether a daemon (FUSE) or a host (virtiofs) answers for its file system; false where nobody
// tells.
[[nodiscard]] bool lies_on_fuse(const Fd& file);
// A path that leads to the very file that is open, whatever lies at its own path now.
[[nodiscard]] std::string path_by_descriptor(const Fd& file);
// Size in bytes of an open file. Throws SystemError.
[[nodiscard]] std::uint64_t file_size(const Fd& file);

// Reads until `buffer` is full or the file ends; returns the bytes read. Retries EINTR.
// Throws SystemError.
std::size_t pread_full(const Fd& file, std::span<std::byte> buffer, std::uint64_t offset);

// Appends to `text` what one read(2) gives, and waits for that; false at the end. Retries EINTR.
// Throws SystemError.
bool read_some(const Fd& file, std::string* text);

// Writes all of `text`. Retries EINTR and short writes. Throws SystemError.
void write_full(const Fd& file, std::string_view text);

// Waits until one of the entries is ready, at most until `deadline`, if there is one; whether one
// is. Retries EINTR.
bool poll_until(std::span<pollfd> entries, std::optional<TimePoint> deadline);

// Pipe with both ends close-on-exec.
struct Pipe {
  Fd read_end;
  Fd write_end;
};
[[nodiscard]] Pipe make_pipe();

}  // namespace coldload::os
