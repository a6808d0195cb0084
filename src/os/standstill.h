// Whether this process stood still while it measured: stopped by a signal, frozen with its cgroup,
// or paused with its machine. A clock that it reads afterwards tells of no instant in between.
//
// A thread of its own does nothing but sleep. What it sleeps too long, less what it then waited for
// a processor (the kernel's run delay: /proc/thread-self/schedstat), it was not let run. So a busy
// processor is no standstill, however late it makes everybody: it delays what is measured as it
// delays the watch. Nor is a lack of memory: where the thread had to wait for its own pages (a
// major fault), a gap below k_longest_fault tells nothing and is not counted; a longer one is, as
// the pages of a process that was stopped for long are gone, too. What else the thread could wait
// for in the kernel, such as memory that is reclaimed for it without a fault, cannot be told from a
// standstill; it allocates none.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <condition_variable>
#include <mutex>

#include "os/clock.h"
#include "os/crew.h"
#include "os/fd.h"

namespace coldload::os {

struct Standstill {
  // The sum of all that took k_least_standstill at least; 0 too where the kernel tells no run
  // delay.
  Clock::duration stopped{};
  // How far CLOCK_BOOTTIME went ahead of CLOCK_MONOTONIC, which does not count a suspend.
  Clock::duration suspended{};
};

// What is shorter is also seen where a hypervisor is slow to run an idle processor.
inline constexpr std::chrono::milliseconds k_least_standstill{500};

// What pages may take to come back.
inline constexpr std::chrono::seconds k_longest_fault{2};

// What the watch's thread reads when it wakes.
struct WatchLook {
  TimePoint at;
  Clock::duration run_delay{};  // so far, as major_faults
  long major_faults = 0;
};

// How long the thread stood still between two looks `period` apart; 0 for less than
// k_least_standstill, or than k_longest_fault where it faulted.
[[nodiscard]] Clock::duration stood_between(const WatchLook& before, const WatchLook& after,
                                            Clock::duration period);

// Watches from construction until finish(). Not thread-safe. Its thread's read calls are on the
// account of this process, like those of every thread.
class StandstillWatch {
 public:
  // From its return on nothing is missed. Throws os::Error where there can be no thread.
  StandstillWatch();
  ~StandstillWatch();
  StandstillWatch(const StandstillWatch&) = delete;
  StandstillWatch& operator=(const StandstillWatch&) = delete;

  // Ends the watch.
  [[nodiscard]] Standstill finish();

 private:
  void run();
  void stop() noexcept;

  const Clock::duration slept_before_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool looks_ = false;  // the thread has begun
  bool finished_ = false;
  Clock::duration stopped_{};
  Crew thread_;
};

}  // namespace coldload::os
