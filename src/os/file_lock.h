// Whole-file locks (flock(2)): who has one, and no waiting for it without an end.
//
// Whoever may read a file may lock it, for as long as he likes, so a lock says that somebody is
// there, not who. A lock ends with the process that took it, however that ends.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <chrono>
#include <string>

#include "os/clock.h"
#include "os/fd.h"

namespace coldload::os {

enum class LockAnswer {
  taken,
  held,          // by somebody else: see lock_holder()
  not_possible,  // the file system has no locks
};

enum class LockMode { exclusive, shared };

// A lock that is held until `file` is closed by all that have it open, or unlock(). Does not wait.
// `errno` tells why it is not possible.
[[nodiscard]] LockAnswer try_lock(const Fd& file, LockMode mode = LockMode::exclusive);
void unlock(const Fd& file) noexcept;

// How long lock_within() goes on once it is interrupted: as others have such a lock for the
// milliseconds of a write, what is to be written then is not lost.
inline constexpr std::chrono::seconds k_patience_when_interrupted{1};

// The same, waiting for whoever has it: throws os::Error that names them after `patience`, or
// k_patience_when_interrupted after an interrupt has come. SystemError where there can be no lock.
void lock_within(const Fd& file, Clock::duration patience = std::chrono::seconds(30));

// Who has it, as /proc/locks tells: "process 4711 (tail)", without its arguments, which may hold
// secrets; "somebody whom /proc/locks does not name" in another pid namespace, on another machine,
// or once it is free.
[[nodiscard]] std::string lock_holder(const Fd& file);

}  // namespace coldload::os
