// The page cache of very many files: each is opened, looked at and closed again, so that no number
// of them runs into a limit.
//
// All of these wait for file systems that may hang, in threads that are then left behind. They
// throw os::StallError where one does not answer for a minute, and os::Error where no thread can be
// had.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/file_id.h"
#include "start_set/start_set.h"

namespace coldload::start_set {

// One file, by now.
struct FileState {
  bool is_there = false;   // as a regular file that may be opened
  bool is_memory = false;  // it lies in tmpfs or the like: it can be nowhere else
  os::FileId id;
  std::uint64_t bytes = 0;
  std::int64_t changed_ns = 0;  // its contents, since 1970
  // In the page cache; nothing where the kernel does not tell, or where to open it again drops its
  // pages (a FUSE daemon's files).
  std::optional<std::uint64_t> resident_bytes;
};

// In the order of `paths`.
[[nodiscard]] std::vector<FileState> look_at(const std::vector<std::string>& paths);

// The same, and which parts are in memory, for each.
struct FileParts {
  FileState state;
  std::vector<Range> in_memory;
};
[[nodiscard]] std::vector<FileParts> parts_in_memory(const std::vector<std::string>& paths);

// Writes back what is dirty of each file and has the kernel drop its pages. Answers with the files
// of which some are seen to stay: those that others map, and those that the kernel itself held at
// that moment. A file that has gone is passed over. An interrupt ends it early.
std::vector<std::string> evict(const std::vector<std::string>& paths);

// Reads these parts of each file, so that they are in memory; of a file without parts, nothing. An
// interrupt ends it early.
void read_parts(const std::vector<StartFile>& files);

}  // namespace coldload::start_set
