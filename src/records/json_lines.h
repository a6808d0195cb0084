// Records as JSON Lines: one object a line, `schema` first, unknown is null.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "records/record.h"

namespace coldload::records {

// With its line feed.
[[nodiscard]] std::string json_line_of(const Record& record);

// Parses one line. Unknown keys are ignored, missing ones are unknown. Throws os::Error with the
// cause alone; the caller adds file and line.
[[nodiscard]] Record record_of_line(std::string_view line);

// Calls `each` with every line (without its line feed) and its number from 1. Memory is bounded by
// the longest line, 64 MiB at most. Returns the number of bytes after the last line feed: 0, or
// the length of a line that was cut. Throws os::Error.
std::uint64_t for_each_line(
    const os::Fd& file,
    const std::function<void(std::string_view line, std::uint64_t number)>& each);

// Every record of the file, in order. Throws os::Error that names file and line: malformed, cut,
// written by a newer coldload.
void for_each_record(const std::string& path, const std::function<void(Record&&)>& each);

// The same for several files. A trial that is in two of them (or twice in one) is an Error: it
// would count twice.
void read_unique_records(const std::vector<std::string>& paths,
                         const std::function<void(Record&&)>& each);

}  // namespace coldload::records
