// A process that may have few threads, as below a container's limit on pids.
#pragma once

#include <functional>

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace coldload::os {

// Ends this process, a death test's child, with what `body` answers; `threads` more can be started.
// Needs root: the limit is of a user, and this takes one that nobody else is.
[[noreturn]] inline void exit_with_few_threads(unsigned threads, const std::function<int()>& body) {
  constexpr uid_t k_nobody_else = 2000000000;
  const uid_t user = k_nobody_else + static_cast<uid_t>(::getpid());
  const rlimit limit{threads + 1, threads + 1};
  if (::setgroups(0, nullptr) != 0 || ::setgid(user) != 0 || ::setuid(user) != 0 ||
      ::setrlimit(RLIMIT_NPROC, &limit) != 0) {
    ::_exit(99);
  }
  ::_exit(body());
}

}  // namespace coldload::os

#define NEEDS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be a user that runs nothing else"

#ifdef __SANITIZE_THREAD__
#define NEEDS_EVERY_THREAD() GTEST_SKIP() << "the thread sanitizer takes threads of its own"
#else
#define NEEDS_EVERY_THREAD() static_cast<void>(0)
#endif
