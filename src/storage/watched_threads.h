// Threads that wait in the kernel for a mount that may never answer.
//
// A thread says what it is about to wait for. The caller gets all of them back, or an error that
// names the call that hangs; the threads are then left behind with all that they use.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <functional>
#include <vector>

#include "os/clock.h"
#include "os/pending_call.h"

namespace coldload::storage {

using os::PendingCall;

// What the one that waits does every 100 ms: it looks at the threads' calls and says how long to
// wait at most.
using WatchTick = std::function<os::TimePoint(const std::vector<PendingCall>& calls)>;

// As below, with a moment to give up that may change: `tick` runs in the caller's thread.
void run_watched(unsigned count, const WatchTick& tick,
                 std::function<void(unsigned, PendingCall&)> body);

// Calls body(index, call) in `count` threads and waits for all. Rethrows the first exception.
// Throws os::StallError where one has not returned at `give_up`: whatever `body` uses must be owned
// by it. Throws os::Error where the threads cannot be started; `body` has then run in none of them.
void run_watched(unsigned count, os::TimePoint give_up,
                 std::function<void(unsigned, PendingCall&)> body);

}  // namespace coldload::storage
