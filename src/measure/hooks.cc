#include "measure/hooks.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "process/hook.h"

namespace coldload::measure {

void run_hook(const std::string& name, const std::string& command, const Arm& arm) {
  if (command.empty()) return;
  const bool cleans_up_after_a_signal = os::interrupted();
  std::string problem;
  try {
    const auto status =
        process::run_hook({command,
                           {{"COLDLOAD_ARM", arm.facts.label}, {"COLDLOAD_PATH", arm.path}},
                           arm.start->hooks.limit});
    if (!status && cleans_up_after_a_signal) problem = "stopped by another signal";
    if (status && !status->success() && !os::interrupted()) problem = status->text();
  } catch (const os::Error& error) {
    problem = error.what();
  }
  if (problem.empty()) return;
  throw os::Error(
      fmt::format("--{} of {} failed ({}): {}", name, arm.facts.label, problem, command));
}

CleanupHooks::~CleanupHooks() {
  while (!arms_.empty()) {
    try {
      run();
    } catch (const std::exception&) {
      continue;  // the error under way is the one to tell
    }
  }
}

void CleanupHooks::run() {
  while (!arms_.empty()) {
    const Arm* arm = arms_.front();
    arms_.erase(arms_.begin());
    run_hook("cleanup", arm->start->hooks.cleanup, *arm);
  }
}

}  // namespace coldload::measure
