// Where a copy grows until it is complete: a hidden sibling of the destination.
//
//   PARENT/NAME                    the destination: absent, or complete and right
//   PARENT/NAME.coldload.json      its manifest
//   PARENT/.NAME.coldload-part/    lock, journal, manifest, and `data`, which becomes NAME
//
// Layer: stage. Knows nothing of how bytes are copied.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "stage/manifest.h"
#include "stage/source_tree.h"

namespace coldload::stage {

// The names around a destination. All absolute; the parent exists.
struct Place {
  std::string destination;
  std::string parent;
  std::string manifest;
  std::string part;
  std::string data;  // in the part directory
};

// Throws os::Error where the parent directory is not there, or where the name cannot be one of a
// new directory.
[[nodiscard]] Place place_of(const std::string& destination);

// The one that stages to this place, by a lock that ends with its process.
class PlaceLock {
 public:
  // Takes the lock, making the part directory. Nothing if somebody else holds it. Throws
  // os::SystemError where the directory cannot be made.
  [[nodiscard]] static std::optional<PlaceLock> try_take(const Place& place);

  // Removes the part directory with all that is in it, and with it the lock.
  void remove_part();
  // Whether nobody has removed the lock's file meanwhile.
  [[nodiscard]] bool still_holds() const;
  // Until this process ends: threads may still write there.
  void keep_for_good();

 private:
  PlaceLock(os::Fd file, std::string part) : file_(std::move(file)), part_(std::move(part)) {}
  os::Fd file_;
  std::string part_;
};

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
  // Opens the journal of `place` and returns what an earlier copy of the same `tree` left; of
  // another tree, it and the data are removed first.
  [[nodiscard]] static Journal open(const Place& place, const SourceTree& tree);

  [[nodiscard]] const std::vector<JournalEntry>& found() const { return found_; }
  void add(const JournalEntry& entry);
  // Before `data` becomes something else: nobody shall go on there.
  static void remove(const Place& place);

 private:
  Journal() = default;
  os::Fd file_;
  std::vector<JournalEntry> found_;
};

// Removes a directory with all that is in it, links not followed. Throws os::SystemError.
void remove_tree(const std::string& path);

// Makes what a directory lists durable. Throws os::SystemError.
void flush_directory(const std::string& path);

// Writes the manifest beside the destination, durable; the old one is there until then.
void publish_manifest(const Place& place, const Manifest& manifest);

// Removes it again; nothing where there is none.
void withdraw_manifest(const Place& place);

// `data` becomes the destination in one step. Throws os::Error where it exists.
void publish(const Place& place);
// Whether this file system can let two directories change places in one step; tried.
[[nodiscard]] bool can_exchange(const Place& place);
// `data` and the destination change places in one step. Throws os::Error.
void publish_by_exchange(const Place& place);

}  // namespace coldload::stage
