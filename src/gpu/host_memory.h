// Whether the GPU works in this machine's memory: what the page cache holds there, a server sees as
// taken.
//
// Layer: gpu. Knows nothing of models, storage or servers.
#pragma once

namespace coldload::gpu {

// True of integrated GPUs (GB10, Jetson) as far as NVML, or CUDA where NVML knows of no GPU, tells.
// May take as long as their drivers take to start.
[[nodiscard]] bool gpu_works_in_host_memory();

}  // namespace coldload::gpu
