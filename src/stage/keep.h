// Makes room beside a destination: removes the oldest staged directories, and nothing else.
//
// Layer: stage. Knows nothing of model formats, servers or experiments.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "stage/place.h"

namespace coldload::stage {

struct Removal {
  std::vector<std::string> removed;  // directories
  std::vector<std::string> remarks;  // a sentence each, as of a directory that was to go and stayed
};

// Of the staged directories beside `place` that are this user's, the destination counted as one,
// keeps the `keep` newest and removes the others with their manifests. A directory stays where it
// holds anything that its manifest does not name or anybody else's, or where a process has one of
// its files open. Throws os::SystemError and, between two directories, Interrupted.
[[nodiscard]] Removal keep_newest(const Place& place, std::size_t keep);

}  // namespace coldload::stage
