#include "os/descriptor_limit.h"

#include <limits>
#include <optional>

#include <sys/resource.h>

namespace coldload::os {

namespace {

std::optional<rlimit> g_as_started;  // where it was raised

}  // namespace

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || g_as_started) return;
  g_as_started = before;
}

std::size_t descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::size_t>::max();
  return limit.rlim_cur;
}

void restore_descriptor_limit() noexcept {
  if (g_as_started) ::setrlimit(RLIMIT_NOFILE, &*g_as_started);
}

}  // namespace coldload::os
