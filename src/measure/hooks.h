// The user's own lines around the runs: --setup, --prepare and --cleanup.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <string>
#include <vector>

#include "measure/arm.h"

namespace coldload::measure {

// Runs one of the user's hooks; os::Error names it when it fails, or does not end in time. A signal
// ends it: see os::interrupted().
void run_hook(const std::string& name, const std::string& command, const Arm& arm);

// The --cleanup of every arm whose --setup began, also where the experiment ends by an error.
class CleanupHooks {
 public:
  CleanupHooks() = default;
  ~CleanupHooks();
  CleanupHooks(const CleanupHooks&) = delete;
  CleanupHooks& operator=(const CleanupHooks&) = delete;

  // `arm` outlives this.
  void add(const Arm& arm) { arms_.push_back(&arm); }
  // Runs what is left to run, in order. Throws os::Error where one fails.
  void run();

 private:
  std::vector<const Arm*> arms_;
};

}  // namespace coldload::measure
