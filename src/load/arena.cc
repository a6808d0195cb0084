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

std::vector<std::uint64_t> places(const std::vector<std::uint64_t>& shard_bytes) {
  std::vector<std::uint64_t> begins{0};
  for (const std::uint64_t bytes : shard_bytes) {
    begins.push_back(begins.back() + round_up(bytes, k_block_bytes));
  }
  return begins;
}

}  // namespace

// Linux hands out memory that it does not have, and kills whoever writes to it: so ask first.
void check_host_memory(std::uint64_t needed_bytes) {
  const auto available = os::available_memory_bytes();
  if (!available || *available >= needed_bytes) return;
  throw os::Error(fmt::format(
      "cannot load into host memory: needed {:.0f} MiB, free {:.0f} MiB; load a smaller checkpoint",
      static_cast<double>(needed_bytes) / k_mib, static_cast<double>(*available) / k_mib));
}

std::uint64_t arena_bytes(const std::vector<std::uint64_t>& shard_bytes) {
  return places(shard_bytes).back();
}

Arena::Arena(const std::vector<std::uint64_t>& shard_bytes)
    : begins_(places(shard_bytes)), host_memory_(os::Mapping::anonymous(bytes())) {
  // Few large pages: faulting them in is most of what a load into fresh host memory costs.
  os::prefer_huge_pages(host_memory_.bytes());
}

Arena::Arena(const std::vector<std::uint64_t>& shard_bytes,
             std::shared_ptr<const gpu::Device> device)
    : begins_(places(shard_bytes)) {
  // CUDA allocates no empty memory.
  device_memory_.emplace(std::move(device), std::max<std::uint64_t>(bytes(), 1));
}

std::uint64_t Arena::address(std::uint64_t shard, std::uint64_t offset) const {
  const std::uint64_t base = device_memory_ ? device_memory_->address()
                                            : reinterpret_cast<std::uint64_t>(host_memory_.data());
  return base + begins_[shard] + offset;
}

std::span<std::byte> Arena::place(std::uint64_t shard, std::uint64_t offset) const {
  const std::uint64_t begin = begins_[shard] + offset;
  return host_memory_.bytes().subspan(begin, begins_[shard + 1] - begin);
}

}  // namespace coldload::load
