// Puts the fake CUDA driver of tests/fakes in the real one's place, for the rest of this process.
// fake_cuda.cc says what environment it obeys. A process starts its driver once: what cuInit reads
// is set before the first use of gpu::Device, the rest before each Device::open().
#pragma once

#include <array>
#include <cstdlib>

#include "unit/gpu/fake_library.h"

namespace coldload::gpu {

// Whether it is there.
inline bool load_fake_cuda() { return load_fake_library("cuda/libcuda.so.1"); }
// The one without cuMemcpyBatchAsync_v2, as before CUDA 13. A process can have one of them.
inline bool load_fake_cuda_12() { return load_fake_library("cuda_12/libcuda.so.1"); }
// The one without cuMemHostRegister_v2.
inline bool load_old_fake_cuda() { return load_fake_library("cuda_old/libcuda.so.1"); }

// Everything that the fake obeys is as by default, whatever the tests run under.
inline void clear_fake_cuda_environment() {
  for (const char* name :
       std::array{"FAKE_CUDA", "FAKE_CUDA_DEVICES", "FAKE_CUDA_MEMORY_MIB",
                  "FAKE_CUDA_COPY_DELAY_US", "FAKE_CUDA_LEAKS", "CUDA_VISIBLE_DEVICES"}) {
    ::unsetenv(name);
  }
}

}  // namespace coldload::gpu
