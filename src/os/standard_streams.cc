#include "os/standard_streams.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

namespace {

bool nobody_reads(int fd) {
  pollfd entry{fd, 0, 0};  // POLLERR comes unasked
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLERR) != 0;
}

// Why the first write that failed did; 0: none has. A later one may succeed, on a disk that was
// full for a moment: what is missing stays missing.
int g_output_failure = 0;

void note_output_failure() {
  if (g_output_failure == 0) g_output_failure = errno != 0 ? errno : EIO;
}

}  // namespace

void open_missing_streams() noexcept {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one, as those below it are there.
    const int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", flags) != fd) ::_exit(EXIT_FAILURE);
  }
}

bool is_standard_output(const std::string& path) {
  struct stat named {};
  struct stat own {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(STDOUT_FILENO, &own) == 0 &&
         named.st_dev == own.st_dev && named.st_ino == own.st_ino;
}

void write_standard_output(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) note_output_failure();
}

void write_standard_error(std::string_view text) noexcept {
  // In one piece: stderr has no buffer.
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void write_standard_error_if_taken(std::string_view text) noexcept {
  pollfd entry{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&entry, 1, 0) != 1 || (entry.revents & POLLOUT) == 0) return;
  [[maybe_unused]] const auto put = ::write(STDERR_FILENO, text.data(), text.size());
}

void finish_standard_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) note_output_failure();
  if (g_output_failure == 0 || g_output_failure == EPIPE || nobody_reads(STDOUT_FILENO)) return;
  throw SystemError("write to", "standard output", g_output_failure);
}

}  // namespace coldload::os
