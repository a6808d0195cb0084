// Directories of a process that are gone with it, and those of processes that died before they
// could remove theirs.
//
// A shared lock on the directory, held by everybody who lives in it, tells one from the other: it
// ends with its process, however that ends, and does not depend on process numbers, which another
// container has, too, and the kernel gives anew.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <string>
#include <vector>

#include "os/fd.h"

namespace coldload::os {

// Makes PREFIX and six letters that nobody has, for this user alone, and holds it: until the
// descriptor, whose path is the directory's, is closed. Throws SystemError.
[[nodiscard]] Fd make_held_directory(const std::string& prefix);

// Holds a directory that is there, beside others who do. Invalid where it cannot be.
[[nodiscard]] Fd hold_directory(const std::string& path);

// This user's directories whose names begin with PREFIX and that nobody holds; no links. They are
// this caller's, to be removed, while he has their descriptors open.
[[nodiscard]] std::vector<Fd> abandoned_directories(const std::string& prefix);

}  // namespace coldload::os
