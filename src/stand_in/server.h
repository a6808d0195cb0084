// The serving side of a stand-in: what its process runs.
//
// Layer: stand_in. Knows nothing of model formats.
#pragma once

#include <string_view>

namespace coldload::stand_in {

// The exit code that says: the source is no longer there.
inline constexpr int k_exit_source_gone = 3;

// Serves what `request` (JSON, written by StandIn) asks for, until interrupted, unmounted, without
// its source, or until `owner_fd`, the read end of the owner's pipe, reads end-of-file. One JSON
// line on standard output says {"ready": description} or {"error": cause}. Unmounts and removes
// the directories that `request` names. Returns the exit code. Needs the interrupt handler.
[[nodiscard]] int serve(std::string_view request, int owner_fd);

}  // namespace coldload::stand_in
