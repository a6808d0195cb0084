// The arms of an experiment, in the two states that they can be in: looked at, and ready.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "measure/arm.h"
#include "measure/plan.h"
#include "measure/subject.h"
#include "measure/target.h"
#include "measure/watcher.h"
#include "os/fd.h"

namespace coldload::measure {

using Targets = std::vector<std::unique_ptr<Target>>;

// Arms that can be measured. They hold what that takes until they are gone: locks on the
// checkpoints, so that no second experiment evicts what this one measures; mounts; copies.
class Arms {
 public:
  [[nodiscard]] std::vector<Arm>& all() { return arms_; }
  [[nodiscard]] const std::vector<Arm>& all() const { return arms_; }
  // Those that are there, as indices: placeholders are left out. At least one.
  [[nodiscard]] std::vector<std::size_t> present() const;
  [[nodiscard]] Subject subject(const Slot& slot) const;

 private:
  friend class PlannedArms;
  Arms(std::vector<os::Fd> locks, std::vector<Arm> arms)
      : locks_(std::move(locks)), arms_(std::move(arms)) {}

  std::vector<os::Fd> locks_;  // let go of when the mounts and copies are gone
  std::vector<Arm> arms_;
};

// Arms that were looked at, with nothing changed: what a plan is told from.
class PlannedArms {
 public:
  // Throws os::Error on the first thing that cannot be right: a checkpoint, what --stage would copy
  // or --prefetch read, a place that the copy would be made over. `plan` outlives this.
  explicit PlannedArms(const Plan& plan);

  [[nodiscard]] const std::vector<Arm>& all() const { return arms_; }

  // Locks the checkpoints, mounts the stand-ins and measures what they deliver, makes the first
  // copy of --stage, and adds that arm, those of --prefetch, and each path once more for each
  // further way to start. Where no mount is possible, a target that can be paced is. Throws
  // os::Error for what is not possible at all, and where another experiment holds one of the
  // checkpoints. `targets`: of the plan's starts, in their order; they outlive the result.
  [[nodiscard]] Arms prepare(const Targets& targets, ExperimentWatcher& watcher) &&;

 private:
  const Plan& plan_;
  std::vector<Arm> arms_;
};

// Which arms are the same storage, and why.
[[nodiscard]] std::vector<records::SameStorage> same_storage(const std::vector<Arm>& arms);

}  // namespace coldload::measure
