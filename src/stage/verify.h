// Reads a directory again and holds every byte against a manifest.
//
// Layer: stage. Knows nothing of model formats, servers or experiments.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "os/directory.h"
#include "stage/manifest.h"

namespace coldload::stage {

struct VerifyOutcome {
  std::uint64_t bytes = 0;            // read and found right
  std::vector<std::string> problems;  // a sentence each: missing, another size, other bytes
  std::vector<std::string> unknown;   // files that the manifest does not name
  bool interrupted = false;
};

// Past the page cache where that is possible: what the disk holds counts. `progress` is told the
// bytes read, every 100 ms, in the caller's thread. A file that cannot be read, or that only a link
// leads to, is a problem like any other. Throws os::StallError where a thread hangs in the kernel
// when interrupted.
[[nodiscard]] VerifyOutcome verify_copy(const Manifest& manifest,
                                        std::shared_ptr<const os::Directory> copy, unsigned jobs,
                                        const std::function<void(std::uint64_t)>& progress);
// The same of the source that the manifest names, where links are followed, and where more may lie:
// nothing is `unknown` there.
[[nodiscard]] VerifyOutcome verify_source(const Manifest& manifest, unsigned jobs,
                                          const std::function<void(std::uint64_t)>& progress);

}  // namespace coldload::stage
