// What is at the place of a copy.
//
// Layer: stage. Knows nothing of how bytes are copied.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "stage/place.h"
#include "stage/source_tree.h"

namespace coldload::stage {

enum class Found { absent, up_to_date, other };

struct Destination {
  Found found = Found::absent;
  std::string what;    // for `other`: what is wrong with it
  std::string remark;  // for `up_to_date`: what it took to know that; may be empty
};

// How a copy is read that others may write.
struct Proof {
  unsigned jobs = 16;
  std::function<void(const std::string& step)> step;     // told before it begins; may be null
  std::function<void(std::uint64_t bytes)> read_so_far;  // every 100 ms; may be null
};

// `--replace` helps against everything that makes it `other`. Names, sizes, times and owners tell
// that it is up to date, where nobody else can write it; else it is read and held against its
// manifest's hashes. Where it is up to date, `source` becomes what it holds. Throws os::Error and
// Interrupted.
[[nodiscard]] Destination look_at(const Place& place, const Proof& proof, SourceTree* source);

}  // namespace coldload::stage
