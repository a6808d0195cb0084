#include "gpu/host_memory.h"

#include "gpu/cuda.h"
#include "gpu/nvml.h"

namespace coldload::gpu {

bool gpu_works_in_host_memory() {
  if (const auto own = Nvml().gpus_have_own_memory()) return !*own;
  return Device::any_is_integrated();
}

}  // namespace coldload::gpu
