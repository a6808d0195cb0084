#include "load/checksum.h"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "load/layout.h"

namespace coldload::load {

static_assert(std::endian::native == std::endian::little);

void Checksum::add(std::uint64_t shard, std::uint64_t offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto block = data.first(std::min(data.size(), k_block_bytes));
    const std::array<std::uint64_t, 4> parts{shard, offset / k_block_bytes, block.size(),
                                             XXH3_64bits(block.data(), block.size())};
    sum_ += XXH3_64bits(parts.data(), sizeof parts);
    offset += block.size();
    data = data.subspan(block.size());
  }
}

std::string Checksum::text() const { return fmt::format("{:016x}", sum_); }

}  // namespace coldload::load
