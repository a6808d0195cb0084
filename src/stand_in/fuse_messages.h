// What libfuse says of its own accord: kept instead of printed, so that the last of it can go into
// our error.
//
// Layer: stand_in. Knows nothing of mounts.
#pragma once

#include <string>

namespace coldload::stand_in {

// From now on, what libfuse says is kept. Forgets what was kept before.
void keep_fuse_messages();

// The last one, without its line feed; empty where there was none. Every thread that serves may
// cause messages meanwhile: thread-safe.
[[nodiscard]] std::string last_fuse_message();

}  // namespace coldload::stand_in
