// The memory that a checkpoint is loaded into, in a GPU or in the host: one room for all shards,
// one after the other, or a room for each. A tensor is a view: its shard's place and its offset in
// the file.
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
#include "load/loader.h"
#include "os/mapping.h"

namespace coldload::load {

// One piece of memory, page-aligned at least.
class Room {
 public:
  // Of the host, zeroed. check_host_memory() first.
  explicit Room(std::uint64_t bytes);
  // Of `device`, which the calling thread uses.
  Room(std::uint64_t bytes, const std::shared_ptr<const gpu::Device>& device);

  [[nodiscard]] bool on_gpu() const { return device_memory_.has_value(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // A CUdeviceptr on a GPU, else a pointer's value.
  [[nodiscard]] std::uint64_t address() const;
  // GPU memory only.
  [[nodiscard]] const std::shared_ptr<const gpu::Device>& device() const {
    return device_memory_->device();
  }
  // Host memory only.
  [[nodiscard]] std::span<std::byte> memory() const { return host_memory_.bytes(); }

 private:
  std::uint64_t bytes_;
  os::Mapping host_memory_;
  std::optional<gpu::DeviceMemory> device_memory_;
};

class Arena {
 public:
  // Without memory: every shard's place needs a room.
  explicit Arena(const std::vector<Shard>& shards);

  // What one room for all shards takes: each place begins at a multiple of k_block_bytes.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // What the place of one takes: what is wanted of it, rounded up to k_block_bytes.
  [[nodiscard]] std::uint64_t bytes_of(std::uint64_t shard) const { return places_[shard].bytes; }

  // The first byte of the file that is wanted of one.
  [[nodiscard]] std::uint64_t file_begin(std::uint64_t shard) const {
    return places_[shard].file_begin;
  }

  // One room of bytes() for all shards.
  void give_all(std::shared_ptr<const Room> room);
  // A room of bytes_of(shard) or more for one; null takes it away.
  void give(std::uint64_t shard, std::shared_ptr<const Room> room);
  [[nodiscard]] const std::shared_ptr<const Room>& room(std::uint64_t shard) const {
    return places_[shard].room;
  }

  // Of a shard that has a room.
  [[nodiscard]] bool on_gpu() const { return !places_.empty() && places_[0].room->on_gpu(); }
  // Address of a byte of the file: a CUdeviceptr on a GPU, else a pointer's value.
  [[nodiscard]] std::uint64_t address(std::uint64_t shard, std::uint64_t offset) const;
  // Host memory only: from a byte of the file to the end of the shard's place.
  [[nodiscard]] std::span<std::byte> place(std::uint64_t shard, std::uint64_t offset) const;

 private:
  struct Place {
    std::uint64_t file_begin = 0;
    std::uint64_t bytes = 0;
    std::uint64_t begin = 0;  // in its room
    std::shared_ptr<const Room> room;
  };
  std::vector<Place> places_;
  std::uint64_t bytes_ = 0;
};

// Throws os::Error, with what is needed and what is free, where this machine has not so much
// memory.
void check_host_memory(std::uint64_t needed_bytes);

}  // namespace coldload::load
