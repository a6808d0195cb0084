#include "os/own_limits.h"

#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/memory_limits.h"

namespace coldload::os {

namespace {

std::optional<rlim_t> limit_of(__rlimit_resource_t resource) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0 || now.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return now.rlim_cur;
}

// EMFILE is also said of other things, such as a user's inotify instances.
bool has_a_descriptor_left() {
  const int fd = ::open("/", O_PATH | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

std::string descriptors_text() {
  const auto limit = limit_of(RLIMIT_NOFILE);
  if (!limit || has_a_descriptor_left()) return "";
  return fmt::format("; this process may have {} files open (RLIMIT_NOFILE, ulimit -n)", *limit);
}

std::string file_size_text() {
  const auto limit = limit_of(RLIMIT_FSIZE);
  if (!limit) return "";
  return fmt::format("; this process may write {} bytes of a file (RLIMIT_FSIZE, ulimit -f)",
                     *limit);
}

}  // namespace

std::string own_limits_text(int error_number) {
  switch (error_number) {
    case ENOMEM:
      return memory_limits_text();
    case EMFILE:
      return descriptors_text();
    case EFBIG:
      return file_size_text();
    default:
      return "";
  }
}

// A stack takes 8 MiB of addresses.
std::string suspected_process_limit() {
  const std::string memory = memory_limits_text();
  return fmt::format(
      "{}; is {} limit on processes reached (ulimit -u, or a container's limit on pids)?", memory,
      memory.empty() ? "the" : "that or the");
}

std::string too_little_stack() {
  constexpr rlim_t k_least = 512 << 10;  // four times what `measure` was seen to run with
  const auto limit = limit_of(RLIMIT_STACK);
  if (!limit || *limit >= k_least) return "";
  return fmt::format(
      "this process may have {} KiB of stack (RLIMIT_STACK, ulimit -s); coldload takes up to {} "
      "KiB: raise it (ulimit -s 8192)",
      *limit >> 10, k_least >> 10);
}

}  // namespace coldload::os
