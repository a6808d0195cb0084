// Directories of a process that are gone with it, and those of processes that died before they
// could remove theirs.
//
// A shared lock on the directory, held by everybody who lives in it, tells one from the other: it
// ends with its process, however that ends, and does not depend on process numbers, which another
// container has, too, and the kernel gives anew. What is to be removed takes more than a free lock:
// a name as mkdtemp(3) makes them, a mark in it, and a file system on which the lock of another
// machine's process would be seen.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/fd.h"

namespace coldload::os {

// A file in each, made once it is held: nobody's own directory has one, whatever its name.
inline constexpr const char* k_held_mark = ".coldload-made-this";

// Makes PREFIX and six letters or digits that nobody has, for this user alone, with the mark in it,
// and holds it: until the descriptor, whose path is the directory's, is closed. Throws SystemError.
[[nodiscard]] Fd make_held_directory(const std::string& prefix);

// Holds a directory that is there, beside others who do. Invalid where it cannot be.
[[nodiscard]] Fd hold_directory(const std::string& path);

// Takes the mark away: from now on it is a directory like any other, which nobody else removes.
// Throws SystemError.
void remove_mark(const Fd& directory);

// Removes a directory, made here or not, that holds nothing but perhaps the mark; false where it
// cannot be.
bool remove_held_directory(const std::string& path) noexcept;

struct AbandonedDirectories {
  // This caller's, to be removed, while he has their descriptors open.
  std::vector<Fd> removable;
  // Sentences on those that nobody on this machine holds, but perhaps somebody on another does.
  std::vector<std::string> left_alone;
};

// What make_held_directory(PREFIX) made for this user and nobody holds; no links.
[[nodiscard]] AbandonedDirectories abandoned_directories(const std::string& prefix);

// Whether a lock on a file system of this type (statfs.f_type) is seen by all who can use it, as on
// the disks and in the memory of one machine. Network file systems, FUSE and unknown ones: no.
[[nodiscard]] bool locks_are_seen_by_all(std::uint64_t fs_type);

}  // namespace coldload::os
