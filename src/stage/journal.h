// Which chunks of a copy are in its part already.
//
// Layer: stage. Knows nothing of how bytes are copied.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "os/directory.h"
#include "os/fd.h"
#include "stage/manifest.h"
#include "stage/source_tree.h"

namespace coldload::stage {

// Chunks whose bytes are in the part directory, with their hashes: a claim until they were read
// again, so the journal needs no flush.
struct JournalEntry {
  std::size_t file = 0;  // index in the tree
  std::size_t chunk = 0;
  Hash hash;
};

// Written by one thread at a time.
class Journal {
 public:
  // Opens the journal in `part` and returns what an earlier copy of the same `tree` left; of
  // another tree, or where the journal is none that we made, it and the data are removed first.
  [[nodiscard]] static Journal open(const os::Directory& part, const SourceTree& tree);

  [[nodiscard]] const std::vector<JournalEntry>& found() const { return found_; }
  void add(const JournalEntry& entry);
  // Before `data` becomes something else: nobody shall go on there.
  static void remove(const os::Directory& part);

 private:
  explicit Journal(os::Fd file) : file_(std::move(file)) {}
  os::Fd file_;
  std::vector<JournalEntry> found_;
};

}  // namespace coldload::stage
