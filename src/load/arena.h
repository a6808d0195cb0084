// The memory that a checkpoint is loaded into: all shards, one after the other, in GPU memory or in
// the host's. A tensor is a view: its shard's place and its offset in the file.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gpu/cuda.h"
#include "os/mapping.h"

namespace coldload::load {

class Arena {
 public:
  // Room for shards of these sizes, in host memory. check_host_memory() first.
  explicit Arena(const std::vector<std::uint64_t>& shard_bytes);
  // The same in the memory of `device`, which the calling thread uses.
  Arena(const std::vector<std::uint64_t>& shard_bytes, std::shared_ptr<const gpu::Device> device);

  [[nodiscard]] bool on_gpu() const { return device_memory_.has_value(); }
  // Sum of the shards' places: each begins at a multiple of k_block_bytes.
  [[nodiscard]] std::uint64_t bytes() const { return begins_.back(); }
  // Address of a byte of a shard: a CUdeviceptr on a GPU, else a pointer's value.
  [[nodiscard]] std::uint64_t address(std::uint64_t shard, std::uint64_t offset) const;
  // Host memory only: from a byte of a shard to the end of the shard's place, which is `bytes` of
  // the shard rounded up to k_block_bytes.
  [[nodiscard]] std::span<std::byte> place(std::uint64_t shard, std::uint64_t offset) const;

 private:
  std::vector<std::uint64_t> begins_;  // of each shard's place, and the end of the last
  os::Mapping host_memory_;
  std::optional<gpu::DeviceMemory> device_memory_;
};

// Throws os::Error, with what is needed and what is free, where this machine has not so much
// memory.
void check_host_memory(std::uint64_t needed_bytes);

// What an Arena for these shards takes.
[[nodiscard]] std::uint64_t arena_bytes(const std::vector<std::uint64_t>& shard_bytes);

}  // namespace coldload::load
