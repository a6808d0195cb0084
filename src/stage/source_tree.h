// What is to be staged: the files below a directory, looked at and not yet opened.
//
// Layer: stage. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "os/directory.h"
#include "os/error.h"
#include "os/fd.h"
#include "stage/selection.h"
#include "stage/source_root.h"

namespace coldload::stage {

struct SourceFile {
  std::string name;       // below the root, as in "sub/config.json"
  std::string real_path;  // links resolved
  std::uint64_t bytes = 0;
  std::int64_t mtime_ns = 0;  // since 1970
  // Its permission bits to read and write, less those of whom a directory keeps from it.
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;
  dev_t device = 0;
  ino_t inode = 0;  // 0: its file system does not keep the number

  bool operator==(const SourceFile&) const = default;
};

struct SourceTree {
  std::string root;                          // absolute, links resolved
  std::vector<std::string> directories;      // below the root, parents first
  std::vector<SourceFile> files;             // by name
  std::vector<SourceFile> left_out;          // by name; without a real path
  bool on_fuse = false;                      // a daemon may answer for the root
  std::shared_ptr<const SourceRoot> opened;  // where its files are opened

  [[nodiscard]] std::uint64_t bytes() const;
  // Whether two scans found the same.
  bool operator==(const SourceTree& other) const {
    return root == other.root && directories == other.directories && files == other.files &&
           left_out == other.left_out && on_fuse == other.on_fuse;
  }
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

// The same of a copy, or what may be one. `seen` is told of the directory itself (""), and of each
// file, directory or link in it, what it is and who may write it; by one thread at a time.
using Seen = std::function<void(const std::string& name, const struct stat& info)>;
[[nodiscard]] SourceTree scan_copy(const os::Directory& copy, const Seen& seen);

// Opens a file that was found by a scan, as that very file: it is regular, no link leads there that
// was not there then, its device and inode are the same (where its file system keeps numbers; else
// its device, owner and group), and nobody is kept from it who was not then. Throws os::Error, "was
// changed", and os::SystemError.
[[nodiscard]] os::Fd open_scanned(const SourceRoot& root, const SourceFile& file, int flags);

}  // namespace coldload::stage
