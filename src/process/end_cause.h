// Why a process ended, as far as its exit status does not say.
//
// Layer: process. Knows no server by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/subprocess.h"

namespace coldload::process {

// How many processes the kernel has killed for lack of memory since boot, of the whole machine or
// of one of its memory cgroups (/proc/vmstat); nothing where it does not count.
[[nodiscard]] std::optional<std::uint64_t> memory_kills();

// "exit code 3"; of a SIGKILL, which nobody signs, also whether it may have been the kernel's:
// `before` and `now` are memory_kills() before the process began and after it ended.
[[nodiscard]] std::string end_text(const os::ExitStatus& status,
                                   std::optional<std::uint64_t> before,
                                   std::optional<std::uint64_t> now);

}  // namespace coldload::process
