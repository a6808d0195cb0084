// The start set as a file: what one start has learned, for the next ones, on this machine or on
// another that has the same files.
//
// JSON, with one line for each file, in order of first touch:
//   {"coldload_start_set": 1, "source": "fanotify", "files": [
//   {"path": "/usr/bin/env", "group": "program", "size": 48536, "mtime_ns": 1663670399000000000,
//    "ranges": [[0, 48536]]}, ...
//   ]}
// `ranges`: offset and bytes of what was in memory when the start was over; of a library, of what
// was touched (touched_pages.h).
//
// Whoever may write such a file decides what is read into memory, and nothing else: of what it
// says nothing is trusted.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "start_set/start_set.h"

namespace coldload::start_set {

inline constexpr std::size_t k_most_set_file_bytes = std::size_t{32} << 20;

// Names that are not UTF-8 are left out: JSON has none. Gaps between two ranges that take longer to
// leave out than to read are closed. Of files that do not fit into `most_bytes` the first are
// taken.
[[nodiscard]] std::string to_text(const StartSet& set,
                                  std::size_t most_bytes = k_most_set_file_bytes);

// Throws os::Error for what is no start set, or of a version that is not known here. An entry that
// cannot be one of a file on storage (a path that is not absolute and plain or leads into /proc,
// /sys or /dev; ranges that are not within the size or in order) is left out, and said in
// `remarks`.
[[nodiscard]] StartSet parse_start_set(std::string_view text);

// The same of a regular file, named in what is thrown: os::SystemError (ENOENT: it is not there),
// and os::Error also for one that is larger than k_most_set_file_bytes.
[[nodiscard]] StartSet read_start_set(const std::string& path);

}  // namespace coldload::start_set
