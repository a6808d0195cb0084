// Where the bytes of a set of files come from, file by file: each one's own file system, counter
// and devices, and what storage holds of it. The order of the files changes nothing.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/byte_counter.h"
#include "storage/path_info.h"
#include "text/json.h"

namespace coldload::storage {

// One file system that some of the files lie on.
struct FilePart {
  PathInfo info;          // of one of its files
  std::size_t files = 0;  // of those that are read
  std::uint64_t bytes = 0;
  bool in_memory = false;  // tmpfs and kin: never cold
};

struct FileSources {
  std::vector<FilePart> parts;  // first the one that is most of it: on storage, most bytes
  std::vector<bool> in_memory;  // of every file, as they were given
  CounterChoice counter;        // of all that are read and lie on storage, together
  std::string hidden_cache;     // why their bytes may not come from storage, seen by no counter
  // What storage must deliver of those that are read and lie on it, if all of them is read.
  // Nothing: it is not known, and bytes cannot be compared.
  std::optional<std::uint64_t> stored_bytes;
  std::string not_comparable;  // why: "squashfs compresses"

  [[nodiscard]] const PathInfo& main() const { return parts.front().info; }
  [[nodiscard]] bool all_in_memory() const { return parts.front().in_memory; }
  // "1 of 3 weight files, 2.10 GB of 7.20 GB, is memory (tmpfs)"; empty where none or all are.
  [[nodiscard]] std::string memory_share() const;
  // Which of all files can be cold: those on storage; all where all that are read lie in memory.
  [[nodiscard]] std::vector<std::size_t> can_be_cold() const;
  // Of those that are read and can be cold.
  [[nodiscard]] std::uint64_t cold_bytes() const;
};

// Of `paths`, real ones; those whose indices `read` has (at least one, sorted) are what is read,
// the others need only be out of memory. Throws os::SystemError for a file that cannot be reached.
[[nodiscard]] FileSources find_sources(const std::vector<std::string>& paths,
                                       const std::vector<std::size_t>& read);

// For a record: one object a part.
[[nodiscard]] text::json::array to_json(const std::vector<FilePart>& parts);

}  // namespace coldload::storage
