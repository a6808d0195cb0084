// What one GPU and the bus to it deliver: its context's creation, pinning host memory, and copies
// both ways.
//
// Layer: measure. Knows nothing of how records are shown.
#pragma once

#include <string_view>
#include <vector>

#include "os/clock.h"
#include "records/floor.h"

namespace coldload::measure {

// Of GPU `index`, as CUDA_VISIBLE_DEVICES counts; copies end at `deadline`, the context takes what
// it takes. Never throws: whatever is not possible is a reason.
[[nodiscard]] records::GpuFloor measure_gpu_floor(unsigned index, os::TimePoint deadline);

// The numbers of a kernel's list: "0-2,7" -> 0, 1, 2, 7. Empty for what is none.
[[nodiscard]] std::vector<unsigned> parse_node_list(std::string_view text);

}  // namespace coldload::measure
