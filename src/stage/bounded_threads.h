// The threads of one step of staging, and how that step ends before its time: within ten seconds,
// whatever hangs.
//
// Layer: stage. Knows nothing of trees or files.
#pragma once

#include <functional>
#include <vector>

#include "os/error.h"
#include "os/pending_call.h"

namespace coldload::stage {

// os::interrupted() ended a step. What is there stays: the next call goes on with it.
class Interrupted : public os::Error {
 public:
  Interrupted() : os::Error("interrupted") {}
};

void throw_if_interrupted();

// Calls body(index, call) in `count` threads, waits for all and rethrows what was thrown first.
// Meanwhile `is_over` is asked every 100 ms, in the caller's thread; `body` must see for itself
// what it sees. Threads that are not through ten seconds after its first yes are left behind in the
// kernel: os::StallError, and the process should then _exit. Whatever `body` uses must be owned by
// it.
using Calls = std::vector<os::PendingCall>;
void run_bounded(unsigned count, const std::function<bool(const Calls&)>& is_over,
                 std::function<void(unsigned, os::PendingCall&)> body);

}  // namespace coldload::stage
