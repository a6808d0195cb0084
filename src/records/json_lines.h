// Records as JSON Lines: one object a line, `schema` first, unknown is null.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "records/floor.h"
#include "records/record.h"

namespace coldload::records {

// With its line feed.
[[nodiscard]] std::string json_line_of(const Record& record);

// Parses one line. Unknown keys are ignored, missing ones are unknown. Throws os::Error with the
// cause alone; the caller adds file and line.
[[nodiscard]] Record record_of_line(std::string_view line);

// What a JSON object has of experiment_fields(). Throws as record_of_line does.
[[nodiscard]] ExperimentFacts facts_of_object(std::string_view object);
// Its environment, as text::to_line() writes it. Throws likewise.
[[nodiscard]] std::string environment_of_object(std::string_view object);
// Of the floor that an arm's JSON object has; nothing where it has none. Throws likewise.
[[nodiscard]] std::optional<FloorRates> floor_rates_of_object(std::string_view arm);

// Calls `each` with every line (without its line feed) and its number from 1. Memory is bounded by
// the longest line, 64 MiB at most. Returns the number of bytes after the last line feed: 0, or
// the length of a line that was cut. Throws os::Error.
std::uint64_t for_each_line(
    const os::Fd& file,
    const std::function<void(std::string_view line, std::uint64_t number)>& each);

// Calls `each` with every line of the file that is not blank, and where it begins. What it throws
// as os::Error gets file and line before it. Throws os::Error for a cut line.
void for_each_record_line(
    const std::string& path,
    const std::function<void(std::string_view line, std::uint64_t offset)>& each);

// Every record of the file, in order. Throws os::Error that names file and line: malformed, cut,
// written by a newer coldload.
void for_each_record(const std::string& path, const std::function<void(Record&&)>& each);

}  // namespace coldload::records
