// A source's directory, open: what is looked at, listed or opened in it, or where its links led, is
// there, whatever links others put in its way meanwhile.
//
// Layer: stage. Knows nothing of what is copied.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <sys/types.h>

#include "os/directory.h"
#include "os/fd.h"

namespace coldload::stage {

// Safe to use from several threads.
class SourceRoot {
 public:
  // `path`: the directory's, real: no part of it is a link.
  SourceRoot(os::Directory directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}

  // Opens what lies at a real path, below the directory or elsewhere, and follows no link on the
  // way. Throws os::SystemError: ELOOP for a link.
  [[nodiscard]] os::Fd open(const std::string& real_path, int flags) const;
  [[nodiscard]] os::Directory directory(const std::string& real_path) const;

  // Whether a file keeps its inode's number for as long as nobody changes it. Not where a daemon
  // (FUSE) or the client itself makes numbers up.
  [[nodiscard]] static bool keeps_inodes(const os::Fd& file);

  // Of a file's permission bits, those of whom every directory on the way from the source's
  // lets through to `real_path`, a directory. Of one elsewhere: from where the two ways part.
  [[nodiscard]] mode_t reach(const std::string& real_path);

 private:
  const os::Directory directory_;
  const std::string path_;
  std::mutex mutex_;
  std::map<std::string, mode_t> reach_;
};

}  // namespace coldload::stage
