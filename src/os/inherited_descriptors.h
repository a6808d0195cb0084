// What a process was started with and did not ask for: descriptors that somebody above it left
// open.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

namespace coldload::os {

// Closes every descriptor beyond the standard three, but the one that interrupts make readable. For
// a process that has opened nothing yet: a lock or a pipe that its caller's caller left open must
// not wait for it. Closes nothing before Linux 5.9.
void close_inherited_descriptors();

}  // namespace coldload::os
