#include "load/arena.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "load/layout.h"
#include "os/error.h"
#include "os/memory.h"

namespace coldload::load {

namespace {

constexpr double k_mib = 1024.0 * 1024.0;

}  // namespace

// Linux hands out memory that it does not have, and kills whoever writes to it: so ask first.
void check_host_memory(std::uint64_t needed_bytes) {
  const auto available = os::available_memory_bytes();
  if (!available || *available >= needed_bytes) return;
  throw os::Error(fmt::format(
      "cannot load into host memory: needed {:.0f} MiB, free {:.0f} MiB; load a smaller checkpoint",
      static_cast<double>(needed_bytes) / k_mib, static_cast<double>(*available) / k_mib));
}

Room::Room(std::uint64_t bytes) : bytes_(bytes), host_memory_(os::Mapping::anonymous(bytes)) {
  // Few large pages: faulting them in is most of what a load into fresh host memory costs.
  os::prefer_huge_pages(host_memory_.bytes());
}

Room::Room(std::uint64_t bytes, const std::shared_ptr<const gpu::Device>& device) : bytes_(bytes) {
  // CUDA allocates no empty memory.
  device_memory_.emplace(device, std::max<std::uint64_t>(bytes, 1));
}

std::uint64_t Room::address() const {
  return device_memory_ ? device_memory_->address()
                        : reinterpret_cast<std::uint64_t>(host_memory_.data());
}

Arena::Arena(const std::vector<Shard>& shards) {
  places_.reserve(shards.size());
  for (const Shard& shard : shards) {
    const std::uint64_t bytes = round_up(shard.wanted_bytes(), k_block_bytes);
    places_.push_back({shard.begin, bytes, 0, nullptr});
    bytes_ += bytes;
  }
}

void Arena::give_all(std::shared_ptr<const Room> room) {
  std::uint64_t begin = 0;
  for (Place& place : places_) {
    place.begin = begin;
    place.room = room;
    begin += place.bytes;
  }
}

void Arena::give(std::uint64_t shard, std::shared_ptr<const Room> room) {
  places_[shard].room = std::move(room);
}

std::uint64_t Arena::address(std::uint64_t shard, std::uint64_t offset) const {
  const Place& place = places_[shard];
  return place.room->address() + place.begin + (offset - place.file_begin);
}

std::span<std::byte> Arena::place(std::uint64_t shard, std::uint64_t offset) const {
  const Place& place = places_[shard];
  const std::uint64_t at = offset - place.file_begin;
  return place.room->memory().subspan(place.begin + at, place.bytes - at);
}

}  // namespace coldload::load
