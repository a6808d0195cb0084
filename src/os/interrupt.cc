#include "os/interrupt.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

namespace {

std::atomic<int> g_signal{0};
std::atomic<int> g_count{0};
std::atomic<int> g_event_fd{-1};
std::vector<int> g_ignored_at_start;
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

void on_signal(int signal_number) {
  const int saved_errno = errno;
  g_signal.store(signal_number);
  ++g_count;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(g_event_fd.load(), &one, sizeof one);
  errno = saved_errno;
}

}  // namespace

void install_interrupt_handler() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw SystemError("create an eventfd", "", errno);
  g_event_fd.store(fd);
  struct sigaction action {};
  g_ignored_at_start.clear();
  for (int number = 1; number <= SIGRTMAX; ++number) {
    const bool known = ::sigaction(number, nullptr, &action) == 0;
    if (known && action.sa_handler == SIG_IGN) g_ignored_at_start.push_back(number);
  }
  action = {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (!ignored_at_start(number)) ::sigaction(number, &action, nullptr);
  }
  // An ignored SIGCHLD, inherited, would throw away how our children end.
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
  ::sigaction(SIGXFSZ, &action, nullptr);
}

const std::vector<int>& signals_ignored_at_start() { return g_ignored_at_start; }

bool ignored_at_start(int number) {
  return std::find(g_ignored_at_start.begin(), g_ignored_at_start.end(), number) !=
         g_ignored_at_start.end();
}

bool interrupted() { return g_signal.load() != 0; }

void sleep_until(TimePoint at) {
  constexpr std::chrono::milliseconds k_slice{50};
  while (!interrupted() && Clock::now() + k_slice < at) std::this_thread::sleep_for(k_slice);
  if (!interrupted()) std::this_thread::sleep_until(at);
}

int interrupt_signal() { return g_signal.load(); }

int interrupt_count() { return g_count.load(); }

int interrupt_fd() { return g_event_fd.load(); }

}  // namespace coldload::os
