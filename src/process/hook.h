// A shell line of the user's that is run before or after what is measured.
//
// It ends with coldload, whatever ends that: a guard stands between them. What it has started in
// the background by the time it ends (a mount's daemon, say) stays.
//
// Layer: process. Knows no server by name.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "os/subprocess.h"

namespace coldload::process {

struct Hook {
  std::string line;  // for `sh -c`; its output goes to our stderr
  os::Environment environment = {};
  std::chrono::nanoseconds limit = std::chrono::hours(1);
  // The command of its guard; see Guard.
  std::vector<std::string> guard{os::k_own_program, "guard"};
};

// Runs it to its end; how it ended. Nothing where a signal came that had not come before: it has
// been ended then, with all below it. So has it where it takes longer than its limit; throws
// os::Error then, and where it cannot be started.
[[nodiscard]] std::optional<os::ExitStatus> run_hook(const Hook& hook);

}  // namespace coldload::process
