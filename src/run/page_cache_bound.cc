#include "run/page_cache_bound.h"

#include <algorithm>

#include <fmt/format.h>

#include "gpu/host_memory.h"
#include "os/memory.h"
#include "text/units.h"

namespace coldload::run {

PageCacheBound bound_beside_server(std::optional<double> memory_share) {
  if (!gpu::gpu_works_in_host_memory()) return {};
  return bound_in_shared_memory(memory_share, os::total_memory_bytes(), os::free_memory_bytes());
}

PageCacheBound bound_in_shared_memory(std::optional<double> memory_share,
                                      std::optional<std::uint64_t> total_bytes,
                                      std::optional<std::uint64_t> free_bytes) {
  if (!memory_share || !total_bytes || !free_bytes) {
    return {0,
            "the GPU works in this machine's memory, and how much of it the server wants is not "
            "known"};
  }
  const double wanted = *memory_share * static_cast<double>(*total_bytes);
  const auto wanted_bytes = static_cast<std::uint64_t>(wanted);
  return {
      *free_bytes - std::min(*free_bytes, wanted_bytes),
      fmt::format("the GPU works in this machine's memory, where the server wants {} free and {} "
                  "are",
                  text::format_bytes(wanted_bytes), text::format_bytes(*free_bytes))};
}

}  // namespace coldload::run
