// Limits of this process alone that are behind a failed call: which, how much, and how a person
// knows them.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <string>

namespace coldload::os {

// "; this process may have 1024 files open (RLIMIT_NOFILE, ulimit -n)" and the like, behind the
// text of `error_number`: memory (ENOMEM), descriptors (EMFILE), a file's size (EFBIG). Empty where
// no limit of this process is behind it. The limits are looked at now.
[[nodiscard]] std::string own_limits_text(int error_number);

// "; is the limit on processes reached (ulimit -u, or a container's limit on pids)?": behind a
// thread or a child that cannot be had, for which the kernel says EAGAIN whatever it was.
[[nodiscard]] std::string suspected_process_limit();

// "this process may have 64 KiB of stack (RLIMIT_STACK, ulimit -s); coldload takes up to 512 KiB:
// raise it (ulimit -s 8192)": every thread gets as much as the first one, and what goes past it
// ends the process without a word. Empty where there is enough.
[[nodiscard]] std::string too_little_stack();

}  // namespace coldload::os
