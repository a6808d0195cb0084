// Whole small files: read, replace.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace coldload::os {

// The whole file, up to `limit_bytes`; larger is an Error. Works on /proc and /sys, where the size
// says 0. Throws SystemError.
[[nodiscard]] std::string read_text(const std::string& path, std::size_t limit_bytes = 64 << 20);

// The same, or nothing where the file is not there or not readable: for questions to /proc and
// /sys whose absence is an answer. Trailing white space is cut.
[[nodiscard]] std::optional<std::string> try_read_text(const std::string& path,
                                                       std::size_t limit_bytes = 1 << 20);

// Writes the file that somebody named. A regular one is replaced as a whole: a temporary sibling,
// fsync, rename; its permissions stay. A link is followed where this user or root owns it, and
// refused elsewhere. A device or a FIFO of this user or root, and what standard output is open on,
// are written in place; a FIFO's reader is waited for, for 30 s. Throws Error and leaves the old
// file and no sibling.
void replace_text(const std::string& path, std::string_view text);

}  // namespace coldload::os
