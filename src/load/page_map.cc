#include "load/page_map.h"

#include <algorithm>

#include "load/layout.h"
#include "os/mapping.h"

namespace coldload::load {

PageMap::PageMap(std::uint64_t file_bytes)
    : file_bytes_(file_bytes), blocks_((file_bytes + k_block_bytes - 1) / k_block_bytes) {}

void PageMap::note(std::uint64_t offset, const std::vector<bool>& there) {
  const auto count = std::count(there.begin(), there.end(), true);
  const std::size_t index = offset / k_block_bytes;
  const std::lock_guard lock(mutex_);
  if (blocks_[index] != Block::not_looked_at) return;
  if (count == 0) {
    blocks_[index] = Block::absent;
  } else if (static_cast<std::size_t>(count) == there.size()) {
    blocks_[index] = Block::resident;
  } else {
    blocks_[index] = Block::mixed;
    mixed_[index] = there;
  }
}

void PageMap::for_each_absent(std::uint64_t offset, std::uint64_t bytes, const Run& run) const {
  const std::uint64_t page = os::page_size();
  std::uint64_t run_begin = 0;
  std::uint64_t run_end = 0;
  const auto add = [&](std::uint64_t begin, std::uint64_t size) {
    if (begin != run_end) {
      if (run_end > run_begin) run(run_begin, run_end - run_begin);
      run_begin = begin;
    }
    run_end = begin + size;
  };
  const std::lock_guard lock(mutex_);
  const std::uint64_t end = std::min(offset + bytes, file_bytes_);
  for (; offset < end; offset += k_block_bytes) {
    const std::size_t index = offset / k_block_bytes;
    const std::uint64_t block = std::min<std::uint64_t>(end - offset, k_block_bytes);
    if (blocks_[index] == Block::absent) add(offset, block);
    if (blocks_[index] != Block::mixed) continue;
    const std::vector<bool>& there = mixed_.at(index);
    for (std::size_t i = 0; i < there.size() && i * page < block; ++i) {
      if (!there[i]) add(offset + i * page, std::min(block - i * page, page));
    }
  }
  if (run_end > run_begin) run(run_begin, run_end - run_begin);
}

}  // namespace coldload::load
