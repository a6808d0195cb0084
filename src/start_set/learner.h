// Learns the start set of one start: made just before the launch, asked when the start is over.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

#include "start_set/many_files.h"
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

  // `processes`: those of the start that live. Of the set are regular files that are still there
  // and lie on storage, each once: what was opened, and what of the caches was written. What the
  // start itself wrote elsewhere is of it only where it is code. Throws os::StallError where a file
  // system hangs.
  [[nodiscard]] StartSet finish(const std::vector<pid_t>& processes);

 private:
  // Why a file may be of the set.
  enum class How {
    opened,
    held,    // mapped or open at the end
    beside,  // it lies in a folder of the start's code
    cached,  // it lies in a cache
  };
  struct Candidate {
    std::string path;
    How how = How::opened;
  };

  static void add(std::vector<std::string> paths, How how, std::vector<Candidate>* found);
  void add_caches(std::vector<Candidate>* found) const;
  [[nodiscard]] std::vector<Candidate> by_page_cache(const std::vector<pid_t>& processes) const;
  [[nodiscard]] std::vector<Candidate> candidates(const std::vector<pid_t>& processes,
                                                  StartSet* set);
  [[nodiscard]] Group group_of(const std::string& path) const;
  [[nodiscard]] bool is_of_start(const Candidate& candidate, Group group,
                                 const FileParts& found) const;

  Roles roles_;
  std::int64_t began_ns_;             // since 1970, by the clock of file systems
  std::unique_ptr<OpenWatch> watch_;  // null where that is not allowed
  std::string why_not_;
  std::set<std::string> programs_;  // that the start runs
};

}  // namespace coldload::start_set
