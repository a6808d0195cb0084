// What a start set's file holds, for people and for what packs images by such lists.
//
// Layer: cli.
#pragma once

#include <string>

namespace coldload::cli {

// Whether `path` is a file that begins as a start set does (start_set/set_file.h).
[[nodiscard]] bool is_start_set(const std::string& path);

// Prints its files in order of first touch. As JSON: an object a line, whose `path` is what
// `nerdctl image convert --estargz-record-in` takes from such a file. Throws os::Error where it is
// none.
void print_start_set(const std::string& path, bool as_json);

}  // namespace coldload::cli
