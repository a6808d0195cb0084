// Which pages of one file were in the page cache when it was looked at, so that what a load brought
// in can be told from what was there.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace coldload::load {

// Thread-safe.
class PageMap {
 public:
  explicit PageMap(std::uint64_t file_bytes);

  // Which pages of one block were there; `offset` is a multiple of k_block_bytes. The first answer
  // counts: what comes later may be our own readahead.
  void note(std::uint64_t offset, const std::vector<bool>& there);

  // Every run of bytes in [offset, offset + bytes) that was looked at and not there, in order; both
  // are multiples of k_block_bytes, or end with the file.
  using Run = std::function<void(std::uint64_t offset, std::uint64_t bytes)>;
  void for_each_absent(std::uint64_t offset, std::uint64_t bytes, const Run& run) const;

 private:
  enum class Block : unsigned char { not_looked_at, resident, absent, mixed };

  const std::uint64_t file_bytes_;
  mutable std::mutex mutex_;
  std::vector<Block> blocks_;
  std::map<std::size_t, std::vector<bool>> mixed_;  // by block: which of its pages were there
};

}  // namespace coldload::load
