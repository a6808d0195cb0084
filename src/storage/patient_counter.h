// A byte counter that lies behind a mount, asked so that a mount that hangs holds nobody up.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include "os/clock.h"
#include "storage/byte_counter.h"

namespace coldload::storage {

// `counter`, asked by a thread of its own: where it has not answered after `patience`, or an
// interrupt comes first, that is an answer of nothing, and so is every later one until it has
// answered. Thread-safe; `counter` need not be. Its thread lives as long as the copies of what is
// returned, and holds no lock while nobody asks: a child may be forked beside it. One that hangs is
// left behind. Throws os::Error where no thread can be had.
[[nodiscard]] ByteCounter patient_counter(ByteCounter counter, os::Clock::duration patience);

}  // namespace coldload::storage
