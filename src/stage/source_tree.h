// What is to be staged: the files below a directory, looked at and not yet opened.
//
// Layer: stage. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/error.h"
#include "stage/selection.h"

namespace coldload::stage {

struct SourceFile {
  std::string name;       // below the root, as in "sub/config.json"
  std::string real_path;  // links resolved
  std::uint64_t bytes = 0;
  std::int64_t mtime_ns = 0;  // since 1970

  bool operator==(const SourceFile&) const = default;
};

struct SourceTree {
  std::string root;                      // absolute, links resolved
  std::vector<std::string> directories;  // below the root, parents first
  std::vector<SourceFile> files;         // by name
  std::vector<SourceFile> left_out;      // by name; without a real path
  bool on_fuse = false;                  // a daemon may answer for the root

  [[nodiscard]] std::uint64_t bytes() const;
  bool operator==(const SourceTree&) const = default;
};

// A tree that cannot be copied as it is.
class UnfitTree : public os::Error {
 public:
  using os::Error::Error;
};

// What becomes of links that lead out of the tree, or to a directory.
enum class OutsideLinks { refuse, follow };

struct ScanOptions {
  Selection selection;  // of all that is there
  OutsideLinks links = OutsideLinks::refuse;
};

// Lists the directory at `path`. Links to files count as the files, if these lie below `path`, or
// among the blobs of the hub cache whose snapshot `path` is: the repository's, or those that the
// cache's repositories share. `.git` and `.cache`, where downloads keep their own books, are left
// out at the top, and `*.incomplete`, unfinished downloads, everywhere. Throws UnfitTree that names
// the entry: a device, socket, pipe, a link that leads nowhere, a second link to one directory, a
// link that leads elsewhere or to a directory where those are refused, a name that is not UTF-8;
// os::SystemError; Interrupted; and os::StallError where the mount hangs when it is interrupted.
// What is left out is counted, and else may be anything.
[[nodiscard]] SourceTree scan_tree(const std::string& path, const ScanOptions& options = {});

}  // namespace coldload::stage
