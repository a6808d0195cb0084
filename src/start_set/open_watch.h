// Which files a set of processes opens, in the order in which each is first opened: fanotify's
// word (fanotify(7)), which only root gets.
//
// The kernel tells of every process's openings on a file system; those of others are passed over.
// To tell, it opens the file once more for us: it is for starts that are not measured.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "os/crew.h"

namespace coldload::start_set {

struct Opened {
  std::vector<std::string> files;   // regular ones; absolute, without links
  std::vector<std::string> missed;  // which openings may have been missed and why, in words
};

class OpenWatch {
 public:
  // Whether a process is one of those that matter. Several threads ask at the same time.
  using IsOurs = std::function<bool(pid_t)>;

  // Watches the file systems that are mounted here and keep files, but for those of the files
  // `passed_over` where to open one again drops its pages. Throws os::Error where that is not
  // allowed.
  OpenWatch(IsOurs is_ours, const std::vector<std::string>& passed_over);
  ~OpenWatch();
  OpenWatch(const OpenWatch&) = delete;
  OpenWatch& operator=(const OpenWatch&) = delete;

  // Ends the watch. Bounded in time: a file system that hangs is left to itself, and of it alone
  // nothing may be told.
  [[nodiscard]] Opened finish();

 private:
  struct Shared;
  struct Part;
  struct Watcher {
    std::shared_ptr<Part> part;
    os::Crew thread;
  };

  void watch(std::vector<std::string> points);
  void wait_until_watching() const;
  [[nodiscard]] std::vector<Watcher*> those_that_hang();
  void end();

  std::shared_ptr<Shared> shared_;
  std::vector<Watcher> watchers_;  // the first: of what cannot hang
};

}  // namespace coldload::start_set
