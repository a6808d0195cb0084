// Which of a set of files were opened and read by anybody since it began to watch: inotify's word.
//
// It tells of every process, and not of which. A read(2) is seen whether or not it goes past the
// page cache; of what is mapped only the opening is.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/inotify.h>

#include "os/fd.h"

namespace coldload::storage {

struct Access {
  bool opened = false;
  bool read = false;
  bool operator==(const Access&) const = default;
};

class AccessWatch {
 public:
  AccessWatch() = default;  // watches nothing, and is not complete
  // Begins to watch. Not complete where the kernel allows no more watches.
  explicit AccessWatch(const std::vector<std::string>& paths);

  // Takes what has happened since the last call. Not for two threads at once.
  void take();
  // What has happened since the last call is not of interest.
  void forget();
  // By the paths' order, as of the last take().
  [[nodiscard]] const std::vector<Access>& seen() const { return seen_; }
  // How often something was seen of a file that had not been seen of it, as of the last take().
  [[nodiscard]] std::size_t news() const { return news_; }
  // Whether nothing can have been missed.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  void note(int watch, unsigned mask);
  // Each event that has come since the last call.
  void drain(const std::function<void(const inotify_event&)>& each);

  os::Fd inotify_;
  std::map<int, std::vector<std::size_t>> files_of_;  // by watch: the names of one file share one
  std::vector<Access> seen_;
  std::size_t news_ = 0;
  bool complete_ = false;
};

}  // namespace coldload::storage
