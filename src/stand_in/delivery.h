// A stand-in that is worth its name: its backing files made warm, and what it delivers measured
// before anybody relies on it.
//
// Layer: stand_in. Knows nothing of FUSE, arms or trials.
#pragma once

#include "stand_in/stand_in.h"

namespace coldload::stand_in {

// The whole job: checks, warms the backing files (warm backing, and where they fit in half of the
// memory that is available), measures on private mounts what is delivered, then mounts. The new
// mount is idle and uncached. Throws os::Error; where interrupted too.
[[nodiscard]] StandIn mount(const Options& options);

}  // namespace coldload::stand_in
