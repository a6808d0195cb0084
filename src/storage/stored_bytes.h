// How many bytes of a file its devices hold, and so must deliver to who reads it all.
//
// Fewer than the file has where it has holes, and where the file system compresses. A counter of
// bytes read is compared with this, not with the file's size.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/fd.h"
#include "storage/file_systems.h"

namespace coldload::storage {

struct StoredBytes {
  std::optional<std::uint64_t> bytes;  // nothing: it is not known
  std::string reason;                  // why: "btrfs compresses"
};

// Of an open file on `mount`, which `file_system_of` says is counted by its block device. Extents
// that were written but not flushed are flushed first. Throws os::SystemError where the file
// cannot be looked at.
[[nodiscard]] StoredBytes stored_bytes(const os::Fd& file, const Mount& mount);

}  // namespace coldload::storage
