// Ctrl-C and friends, as a flag that every wait can watch.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <vector>

#include "os/clock.h"

namespace coldload::os {

// From now on SIGINT, SIGTERM and SIGHUP set the flag instead of ending the process, but for those
// that it was started to ignore; SIGPIPE is ignored (a write to a closed pipe fails with EPIPE),
// SIGXFSZ too (one past the limit on a file's size fails with EFBIG), and SIGCHLD is not. A second
// SIGINT within the clean-up changes nothing: clean-up is bounded. Call once, before any thread
// starts.
void install_interrupt_handler();

// The signals that this process was started to ignore, as below nohup(1) or by a script's `&`: what
// it starts in its place should ignore them too. Empty before installation.
[[nodiscard]] const std::vector<int>& signals_ignored_at_start();
[[nodiscard]] bool ignored_at_start(int number);

[[nodiscard]] bool interrupted();

// Sleeps until then, to the precision of the kernel's timers, or until interrupted.
void sleep_until(TimePoint at);

// The signal that came, 0 if none.
[[nodiscard]] int interrupt_signal();

// How many came: what is done after the first, to clean up, may be ended by the next.
[[nodiscard]] int interrupt_count();

// Becomes readable for good when interrupted: for poll(2). -1 before installation.
[[nodiscard]] int interrupt_fd();

}  // namespace coldload::os
