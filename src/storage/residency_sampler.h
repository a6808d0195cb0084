// How much of a set of files has come into the page cache, from a sample of their pages.
//
// A kernel that takes idle pages back (DAMON reclaim, a memory balloon) does so while a load still
// runs: what came is the union over all looks, not what is there at the end.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "storage/page_cache.h"

namespace coldload::storage {

// A page at random in each of about 256 equal parts of the files speaks for its part: a look costs
// the same for any size, under a millisecond. Wrong by less than a hundredth for files that are
// read from one end to the other; exact where all or nothing is resident.
class ResidencySampler {
 public:
  // Looks at `files` of `view`, which must outlive this.
  ResidencySampler(const PageCacheView& view, const std::vector<std::size_t>& files);

  // What is resident now; nothing where the kernel does not tell about every file. Throws
  // os::SystemError if the call fails.
  [[nodiscard]] std::optional<std::uint64_t> look();
  // What was resident at one look at least; nothing where there was none.
  [[nodiscard]] std::optional<std::uint64_t> seen_bytes() const;
  // The same of one file.
  [[nodiscard]] std::optional<std::uint64_t> seen_bytes(std::size_t file) const;

 private:
  struct Part {
    std::size_t file = 0;
    std::uint64_t page = 0;
    std::uint64_t bytes = 0;  // that this page speaks for
    bool seen = false;
  };

  const PageCacheView& view_;
  std::vector<Part> parts_;
  bool looked_ = false;
};

}  // namespace coldload::storage
