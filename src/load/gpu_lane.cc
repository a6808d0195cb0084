#include "load/gpu_lane.h"

#include <utility>

namespace coldload::load {

namespace {

std::shared_ptr<const gpu::Device> use(std::shared_ptr<const gpu::Device> device) {
  device->use_in_this_thread();
  return device;
}

}  // namespace

GpuLane::GpuLane(std::shared_ptr<const gpu::Device> device, std::span<std::byte> memory,
                 unsigned slots)
    : device_(use(std::move(device))), pinned_(device_, memory), stream_(device_) {
  events_.reserve(slots);
  for (unsigned i = 0; i < slots; ++i) events_.emplace_back(device_);
}

void GpuLane::send(unsigned slot, std::span<const std::byte> data, std::uint64_t address) {
  stream_.to_device(address, data);
  events_[slot].record(stream_);
  slots_.push_back(slot);
}

std::optional<unsigned> GpuLane::sent(Io::Wait wait) {
  if (slots_.empty()) return std::nullopt;
  const unsigned slot = slots_.front();
  if (wait == Io::Wait::yes) {
    events_[slot].wait();
  } else if (!events_[slot].done()) {
    return std::nullopt;
  }
  slots_.pop_front();
  return slot;
}

}  // namespace coldload::load
