#include "storage/residency_sampler.h"

#include <algorithm>
#include <random>

#include "os/mapping.h"

namespace coldload::storage {

ResidencySampler::ResidencySampler(const PageCacheView& view, const std::vector<std::size_t>& files)
    : view_(view) {
  std::uint64_t total = 0;
  for (const std::size_t file : files) total += view.file_bytes(file);
  constexpr std::uint64_t k_parts = 256;
  const std::uint64_t page_bytes = os::page_size();
  const std::uint64_t part_bytes =
      std::max<std::uint64_t>(1, total / (k_parts * page_bytes)) * page_bytes;
  std::minstd_rand random(1);
  for (const std::size_t file : files) {
    for (std::uint64_t begin = 0; begin < view.file_bytes(file); begin += part_bytes) {
      const std::uint64_t length = std::min(part_bytes, view.file_bytes(file) - begin);
      const std::uint64_t pages = (length + page_bytes - 1) / page_bytes;
      parts_.push_back({file, begin / page_bytes + random() % pages, length, false});
    }
  }
}

std::optional<std::uint64_t> ResidencySampler::look() {
  std::uint64_t resident = 0;
  for (Part& part : parts_) {
    const std::optional<bool> here = view_.is_resident(part.file, part.page);
    if (!here) return std::nullopt;
    if (!*here) continue;
    resident += part.bytes;
    part.seen = true;
  }
  looked_ = true;
  return resident;
}

std::optional<std::uint64_t> ResidencySampler::seen_bytes(std::size_t file) const {
  if (!looked_) return std::nullopt;
  std::uint64_t seen = 0;
  for (const Part& part : parts_) seen += part.seen && part.file == file ? part.bytes : 0;
  return seen;
}

std::optional<std::uint64_t> ResidencySampler::seen_bytes() const {
  if (!looked_) return std::nullopt;
  std::uint64_t seen = 0;
  for (const Part& part : parts_) seen += part.seen ? part.bytes : 0;
  return seen;
}

}  // namespace coldload::storage
