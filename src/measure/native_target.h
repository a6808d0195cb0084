// The native loader as a target: a process of its own, so that it starts as cold as a server and
// can be ended whatever its reads do.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "measure/target.h"
#include "process/bounded_log.h"

namespace coldload::measure {

struct NativeOptions {
  // Our own command line that loads the checkpoint whose path is appended:
  // {"coldload", "native-load", ...}.
  std::vector<std::string> command;
  std::chrono::nanoseconds timeout{};
  std::uint64_t log_limit_bytes = process::k_default_log_limit_bytes;
};

[[nodiscard]] std::unique_ptr<Target> make_native_target(NativeOptions options);

}  // namespace coldload::measure
