#include "os/descriptor_limit.h"

#include <limits>

#include <sys/resource.h>

namespace coldload::os {

namespace {

bool g_raised = false;
rlimit g_as_started{};

}  // namespace

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || g_raised) return;
  g_as_started = before;
  g_raised = true;
}

std::size_t descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::size_t>::max();
  return limit.rlim_cur;
}

void restore_descriptor_limit() noexcept {
  if (g_raised) ::setrlimit(RLIMIT_NOFILE, &g_as_started);
}

}  // namespace coldload::os
