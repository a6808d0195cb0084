// Whose a file or directory is, and who else may write it: what decides whether its content can be
// trusted.
//
// Layer: stage. Knows nothing of what lies in them.
#pragma once

#include <optional>
#include <string>

#include <sys/stat.h>
#include <sys/types.h>

#include "os/directory.h"

namespace coldload::stage {

// Whether its group or all others may write it. An ACL that lets anybody else do so shows in the
// group's bits (acl(5)).
[[nodiscard]] inline bool others_may_write(mode_t mode) { return (mode & 022) != 0; }

// "belongs to uid 1000".
[[nodiscard]] std::string words_of_owner(uid_t owner);

// Whose files are ours in one directory. That has to outlive it. Not thread-safe.
class Ownership {
 public:
  explicit Ownership(const os::Directory& directory) : directory_(directory) {}

  // Whether files of that owner are as ours: by this user, or by whom new files of ours are there,
  // where the file system maps owners. The second is tried where the first does not hold: it makes
  // a file and removes it. False where it cannot.
  [[nodiscard]] bool is_ours(uid_t owner);
  // Ours, or root's.
  [[nodiscard]] bool is_trusted(uid_t owner) { return owner == 0 || is_ours(owner); }

 private:
  const os::Directory& directory_;
  bool asked_ = false;
  std::optional<uid_t> of_new_files_;
};

// Opens the file `name` of a directory that is ours, for `flags`, if it is one that we made there:
// regular, of the directory's owner, under no other name as well. Nothing where it is anything else
// or not there. Throws os::SystemError.
[[nodiscard]] std::optional<os::Fd> open_own(const os::Directory& directory,
                                             const std::string& name, int flags);

}  // namespace coldload::stage
