// The copies behind a staged arm: made anew from a source that is not in memory, and timed.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "measure/watcher.h"
#include "os/directory.h"
#include "stage/stager.h"

namespace coldload::measure {

class StagedCopy {
 public:
  struct Request {
    // From the directory as the source's own trials see it; the destination is ours alone. With a
    // limit where the source's readers are paced.
    stage::StageRequest stage;
    std::vector<std::string> source_files;   // evicted before each copy
    std::vector<std::string> backing_files;  // of a stand-in: kept in memory, as its server would
    bool keep = false;                       // leave the last copy where it is
  };

  // One copy, made from a source that was not in memory.
  struct Made {
    double seconds = 0;  // from the first read until all was durable
    std::string remark;  // what spoils that, empty if nothing does
  };

  // Throws os::Error where the destination exists, as it would be removed; but for one that an
  // experiment made and, killed, left there. Changes nothing.
  static void check(const std::string& destination);

  explicit StagedCopy(Request request) : request_(std::move(request)) {}
  // Removes the copy; one that is to be kept is from then on as `coldload stage` leaves one.
  ~StagedCopy();
  StagedCopy(const StagedCopy&) = delete;
  StagedCopy& operator=(const StagedCopy&) = delete;

  // Removes the copy, evicts the source and copies again. False where it was interrupted. Throws
  // os::Error.
  [[nodiscard]] bool renew(ExperimentWatcher& watcher);
  // Whether the file of that name, relative to the source, is in the copies.
  [[nodiscard]] bool holds(const std::string& name) const {
    return request_.stage.what.selection.takes(name);
  }
  // The copy that is there.
  [[nodiscard]] const Made& made() const { return made_; }

 private:
  void remove() const;
  void keep() const;

  const Request request_;
  // The one that is there, held: no other coldload takes it for one that was left behind.
  std::shared_ptr<const os::Directory> copy_;
  Made made_;
};

}  // namespace coldload::measure
