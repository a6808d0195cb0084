// Where a file or directory that somebody named for coldload to write really is.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <string>

#include "os/directory.h"

namespace coldload::os {

// A file that somebody named for coldload to write: the directory and the name in it.
struct OutputPlace {
  Directory directory;
  std::string name;
};

// Follows a link in the last place of `path` where this user or root owns it: in a directory that
// others may write, somebody else's leads our bytes where he wants. Throws Error for such a one.
// What is then there is no link, but for one in /proc, which leads to what a descriptor is open on;
// the name is "." where a link leads to a directory by "..".
[[nodiscard]] OutputPlace output_place(const std::string& path);
[[nodiscard]] OutputPlace output_place(const Directory& directory, const std::string& name);
// By the same rule, a directory that is there.
[[nodiscard]] Directory output_directory(const std::string& path);

}  // namespace coldload::os
