// Leaving the disk and the processors to the server.
//
// Layer: run. Knows nothing of experiments.
#pragma once

namespace coldload::run {

// This process stands behind others wherever there is a queue.
void step_back();

}  // namespace coldload::run
