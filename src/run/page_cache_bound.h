// How far the page cache may grow beside a server whose GPU works in this machine's memory.
//
// Such a GPU counts the page cache as taken, and a server gives up where its share of the memory is
// not free when it starts, though the kernel would give the pages back (vllm-project/vllm issues
// 46307, 48140 and 56824).
//
// Layer: run. Knows nothing of what is read, nor of any server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coldload::run {

struct PageCacheBound {
  std::optional<std::uint64_t> bytes;  // nothing: the GPU, if there is one, sets none
  std::string why;                     // in words; empty where it sets none
};

// As things are now. `memory_share`: how much of the GPU's memory the server is to have; nothing:
// not known. May take as long as the GPU's driver takes to start.
[[nodiscard]] PageCacheBound bound_beside_server(std::optional<double> memory_share);
// The same on a machine whose memory is the GPU's, too; nothing for what is not known.
[[nodiscard]] PageCacheBound bound_in_shared_memory(std::optional<double> memory_share,
                                                    std::optional<std::uint64_t> total_bytes,
                                                    std::optional<std::uint64_t> free_bytes);

}  // namespace coldload::run
