// Reads a directory again and holds every byte against a manifest.
//
// Layer: stage. Knows nothing of model formats, servers or experiments.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "stage/manifest.h"

namespace coldload::stage {

struct VerifyOutcome {
  std::uint64_t bytes = 0;            // read and found right
  std::vector<std::string> problems;  // a sentence each: missing, another size, other bytes
  std::vector<std::string> unknown;   // files that the manifest does not name
  bool interrupted = false;
};

// Past the page cache where that is possible: what the disk holds counts. `progress` is told the
// bytes read, every 100 ms, in the caller's thread. A file that cannot be read is a problem like
// any other. Throws os::StallError where a thread hangs in the kernel when interrupted.
[[nodiscard]] VerifyOutcome verify_directory(const Manifest& manifest, const std::string& directory,
                                             unsigned jobs,
                                             const std::function<void(std::uint64_t)>& progress);

}  // namespace coldload::stage
