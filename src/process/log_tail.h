// The end of a server's log, fit for a message: why it failed is usually there.
//
// Layer: process. Knows no server by name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::process {

// `text` without ANSI sequences and control characters (a tab becomes a blank), as valid UTF-8
// (a byte that is none becomes '?'), without blanks at its end, and cut at `limit_bytes`.
[[nodiscard]] std::string clean_line(std::string_view text, std::size_t limit_bytes = 400);

// The last `count` lines that are not empty, cleaned; lines end at LF or CR. Reads 256 KiB at most.
// Empty where the file is not there or not readable.
[[nodiscard]] std::vector<std::string> last_log_lines(const std::string& path, std::size_t count);

}  // namespace coldload::process
