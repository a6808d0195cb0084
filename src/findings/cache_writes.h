// Starts that should have found all they need in the runtime caches, and wrote more there: part of
// their time is compilation, not storage.
//
// Layer: findings. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "findings/comparison.h"
#include "records/record.h"

namespace coldload::findings {

// Of one mode's trials that count.
struct CacheWrites {
  const Mode* mode = nullptr;
  records::Caches found = records::Caches::mixed;  // or filled: these found none
  std::size_t starts = 0;                          // that wrote
  std::size_t told = 0;                            // of which it is known what they did
  std::uint64_t files = 0;                         // of all of them
  std::uint64_t bytes = 0;
};

// Up to two for each mode of `arm`. None where each start was to find its caches empty, as the
// first of a node is, or it is not on record.
[[nodiscard]] std::vector<CacheWrites> cache_writes_of(const Comparison& comparison,
                                                       const Arm& arm);

}  // namespace coldload::findings
