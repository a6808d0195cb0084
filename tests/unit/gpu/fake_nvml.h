// Puts the fake NVML of tests/fakes in the real one's place, for the rest of this process.
#pragma once

#include "unit/gpu/fake_library.h"

namespace coldload::gpu {

// Whether it is there.
inline bool load_fake_nvml() { return load_fake_library("libnvidia-ml.so.1"); }

}  // namespace coldload::gpu
