// What a stand-in delivers, measured; and its backing files made warm.
//
// Layer: stand_in. Knows nothing of model formats.
#pragma once

#include <optional>

#include "stand_in/stand_in.h"

namespace coldload::stand_in {

// Reads every file of the source once, so that the server finds them in memory. False where they
// are more than half of the memory that is available, and nothing was read. Stops early when
// interrupted.
[[nodiscard]] bool warm_backing(const StandInOptions& options);

// Measures, on a private mount for each way of reading, what readers of cold pages get; about a
// second for each. A file system that does not answer is given up, not waited for. Throws
// os::Error where nothing can be mounted.
[[nodiscard]] Delivered measure_delivered(const StandInOptions& options);

}  // namespace coldload::stand_in
