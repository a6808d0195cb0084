// What a hub cache says about its own files: a large file's ETag, by which the cache names its
// blob, is its SHA-256.
//
// Layer: stage. Knows nothing of model formats, servers or experiments.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "os/directory.h"
#include "os/fd.h"
#include "stage/source_tree.h"

namespace coldload::stage {

// The SHA-256 in the name of the blob that the link at `path` leads to, or over which it leads to
// another, in lower case hex; empty where there is none (small files have git's SHA-1).
[[nodiscard]] std::string promised_sha256(const std::string& path);

// In hex. Throws os::Error that names the file.
[[nodiscard]] std::string sha256_of(const os::Fd& file);

struct HubCheck {
  std::size_t checked = 0;            // files whose name promises a SHA-256
  std::vector<std::string> problems;  // one sentence per file that does not keep it
};

// Reads every such file of the copy again, with up to `threads` threads, and holds it against
// the name of its blob. Throws os::Error for one that cannot be read, and Interrupted.
[[nodiscard]] HubCheck check_hub_blobs(const SourceTree& tree,
                                       std::shared_ptr<const os::Directory> copy, unsigned threads);

}  // namespace coldload::stage
