// A checksum of many files that does not depend on the order in which their pieces arrive.
//
// Each file is cut into blocks of k_block_bytes (the last one may be shorter). The checksum is the
// sum, modulo 2^64, over all blocks of XXH3_64(shard index, block index, block bytes, XXH3_64 of
// the block), the four numbers as little-endian 64-bit integers. So it is the same for every
// number of threads and every size of reads, and differs when two blocks change places.
//
// Layer: load. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace coldload::load {

class Checksum {
 public:
  // `offset` is a multiple of k_block_bytes; `data` is whole blocks, or ends where the shard ends.
  void add(std::uint64_t shard, std::uint64_t offset, std::span<const std::byte> data);
  void add(const Checksum& other) { sum_ += other.sum_; }
  // 16 hex digits.
  [[nodiscard]] std::string text() const;

 private:
  std::uint64_t sum_ = 0;
};

}  // namespace coldload::load
