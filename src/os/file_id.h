// Which file a path or a descriptor leads to: whatever it is called, and from wherever it is seen.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include <sys/types.h>

#include "os/fd.h"

namespace coldload::os {

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  // clang-tidy 14 takes the default for a null pointer.
  friend auto operator<=>(const FileId&, const FileId&) = default;  // NOLINT(modernize-use-nullptr)
};

// Throws SystemError.
[[nodiscard]] FileId file_id(const Fd& file);
// Links followed, those of /proc/PID/fd too. What the kernel knows already will do, so that the
// server of a file that somebody has open is not asked. Nothing where there is no such file.
[[nodiscard]] std::optional<FileId> file_id(const std::string& path);

}  // namespace coldload::os
