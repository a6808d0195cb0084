// What is looked at while a load runs: the reads of the target's processes, other processes that
// have the weights open, and the rows of a timeline. One thread does it all.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "measure/cold.h"
#include "measure/cost_bound.h"
#include "measure/timeline.h"
#include "os/crew.h"
#include "os/proc.h"
#include "process/process_tree.h"
#include "storage/access_watch.h"
#include "storage/holders.h"

namespace coldload::measure {

// Samples from construction until finish() on a thread of its own. The tree is asked every 100 ms
// and other processes' open files four times a second, or as often as keeps the whole under 1 % of
// a core; those files every two seconds whatever it costs, and again at once where a stranger is
// seen.
class Observation {
 public:
  // `ignored`: processes whose holding of the files means nothing, nor that of their descendants (a
  // stand-in's server; who measures another server of the same files on this machine).
  // `timeline`: gets its rows, from that thread, until finish().
  // `accesses`: is kept up to date, from that thread, until finish().
  Observation(process::ProcessTree& tree, const std::vector<std::string>& weight_files,
              std::set<pid_t> ignored, Timeline& timeline, storage::AccessWatch& accesses);
  ~Observation();
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

  // One last look and one last row, then the result. Call while the target still runs.
  [[nodiscard]] Observed finish();

 private:
  void run();
  void stop();
  void look_at_tree();
  void look_at_openings(os::TimePoint now);
  void look_last();
  void note(const process::StorageRead& reads);
  // Of the target's own processes, too. Whether a stranger was seen for the first time.
  bool look_for_readers();
  [[nodiscard]] bool is_ignored(os::ProcessInfo process) const;

  process::ProcessTree& tree_;
  const storage::HolderSearch search_;
  const std::set<pid_t> ignored_;
  Timeline& timeline_;
  storage::AccessWatch& accesses_;
  CostBound tree_cost_;
  CostBound search_cost_;
  std::size_t news_of_files_ = 0;   // of `accesses_`, as far as it was looked at
  os::TimePoint openings_until_{};  // files are being opened: worth looks out of turn
  int looks_at_openings_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool finished_ = false;
  bool looked_last_ = false;
  Observed observed_;
  std::optional<process::TreeSample> newest_;  // not in a row of the timeline yet
  std::map<pid_t, int> strangers_;             // looks at which each was seen
  os::Crew thread_;
};

}  // namespace coldload::measure
