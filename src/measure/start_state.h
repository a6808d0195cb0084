// Where a trial starts from: the page cache brought there, and what was found just before launch.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "measure/cold.h"
#include "measure/subject.h"
#include "measure/watcher.h"
#include "storage/page_cache.h"

namespace coldload::measure {

struct StartState {
  storage::PageCacheView view;  // of the checkpoint's files
  // Of the view's files: those that do not lie in memory, and the weights among them. All, where
  // all of the weights do.
  std::vector<std::size_t> can_be_cold;
  std::vector<std::size_t> weights;
  ColdEvidence evidence;  // as far as it is known before launch
  std::vector<std::string> remarks;
};

// Evicts the checkpoint, reads it into memory, or leaves it, as the trial's kind and `plan` want
// it. An interrupt ends it early. Throws os::Error.
[[nodiscard]] StartState bring_to_start(const Subject& subject, const Plan& plan,
                                        ExperimentWatcher& watcher);

}  // namespace coldload::measure
