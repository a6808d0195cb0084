// Where a trial starts from: the page cache brought there, and what was found just before launch.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "measure/cold.h"
#include "measure/rest_state.h"
#include "measure/subject.h"
#include "measure/watcher.h"
#include "storage/access_watch.h"
#include "storage/page_cache.h"

namespace coldload::measure {

struct StartState {
  storage::PageCacheView view;  // of the arm's files
  // Of the view's files: those that do not lie in memory. All, where all of the weights do.
  std::vector<std::size_t> can_be_cold;
  storage::AccessWatch accesses;  // of the candidates, from just before launch
  ColdEvidence evidence;          // as far as it is known before launch
  // What of each candidate was in the page cache at some look while it loaded, estimated.
  std::vector<std::optional<std::uint64_t>> came_once = {};
  std::vector<std::string> remarks;
  std::unique_ptr<RestState> rest = nullptr;  // null where only the weights matter
};

// What the places where the weights lie say of reads of them.
void apply_sources(const storage::FileSources& sources, ColdEvidence* evidence);

// Evicts the checkpoint, reads it into memory, or leaves it, as the trial's kind and `plan` want
// it. Nothing where an interrupt ends it early. Throws os::Error.
[[nodiscard]] std::optional<StartState> bring_to_start(const Subject& subject, const Plan& plan,
                                                       ExperimentWatcher& watcher);

}  // namespace coldload::measure
