// Learns the start set of one start: made just before the launch, asked when the start is over.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

#include "start_set/open_watch.h"
#include "start_set/start_set.h"

namespace coldload::start_set {

inline constexpr std::size_t k_most_files = 100'000;

// What the starter knows of some files; real paths.
struct Roles {
  std::set<std::string> weights;
  std::set<std::string> checkpoint;        // the rest of it
  std::vector<std::string> cache_folders;  // of the server
};

class Learner {
 public:
  // What descends from `ancestor` and does not yet is the start's. As root every opening is
  // watched; else, or where that is refused, finish() goes by the page cache. To be made while
  // nobody waits for a measured time.
  explicit Learner(Roles roles, pid_t ancestor = ::getpid());

  // `processes`: those of the start that live, for the page cache's way. Of the set are regular
  // files that are still there, lie on storage, and whose contents are older than the start, but
  // for those of the caches. Throws os::StallError where a file system hangs.
  [[nodiscard]] StartSet finish(const std::vector<pid_t>& processes);

 private:
  [[nodiscard]] Group group_of(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> files_by_page_cache(
      const std::vector<pid_t>& processes) const;

  Roles roles_;
  std::chrono::system_clock::time_point began_ = std::chrono::system_clock::now();
  std::unique_ptr<OpenWatch> watch_;  // null where that is not allowed
  std::string why_not_;
};

}  // namespace coldload::start_set
