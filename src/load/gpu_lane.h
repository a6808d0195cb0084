// One thread's way from its share of the ring into GPU memory.
//
// Layer: load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gpu/cuda.h"
#include "load/io.h"

namespace coldload::load {

// Used by one thread, which it makes use the device. Copies run beside the CPU, in order; a slot's
// memory is the GPU's until sent() gives the slot back or the lane is destroyed.
class GpuLane {
 public:
  // Pins `memory`, the share of the ring, which outlives the lane. Throws os::Error.
  GpuLane(std::shared_ptr<const gpu::Device> device, std::span<std::byte> memory, unsigned slots);

  // Starts the copy of what is in `slot` to `address`.
  void send(unsigned slot, std::span<const std::byte> data, std::uint64_t address);
  [[nodiscard]] bool sending() const { return !slots_.empty(); }
  // The next slot whose copy is done. If there is none: nothing where `wait` is no, else waits.
  [[nodiscard]] std::optional<unsigned> sent(Io::Wait wait);

 private:
  std::shared_ptr<const gpu::Device> device_;
  gpu::PinnedRange pinned_;
  std::vector<gpu::Event> events_;  // one per slot
  std::deque<unsigned> slots_;      // whose copies are under way, oldest first
  gpu::CopyStream stream_;          // last: its copies end before their memory is unpinned
};

}  // namespace coldload::load
