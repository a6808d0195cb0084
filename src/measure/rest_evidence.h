// The verdict on what a start reads beside the weights, where it should be cold, too.
//
// Layer: measure. Pure functions over measured values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "records/record.h"

namespace coldload::measure {

// Of the start set's files but the weights. What others map cannot be evicted and is told apart.
struct RestEvidence {
  std::string problem;  // why it could not be brought out of memory or looked at; empty: it was
  std::size_t files = 0;
  std::uint64_t bytes = 0;         // their sizes
  std::uint64_t unseen_bytes = 0;  // of these, of files whose pages the kernel does not tell about
  bool sees_program = false;       // of the server's program and its packages at least one file
  // Before launch, of files that nobody else maps; nothing: not told.
  std::optional<std::uint64_t> resident_bytes_before;
  std::vector<std::string> leftovers;       // a few of those
  std::optional<std::uint64_t> came_bytes;  // in memory at ready, and not before
  // What came in an earlier start from the same layer; nothing: there was none.
  std::optional<std::uint64_t> came_bytes_earlier;
  std::optional<std::uint64_t> target_bytes;  // read by the target's processes, weights included
  std::uint64_t weight_bytes = 0;
  // Where the runtime caches should be empty: the files that were in them; nothing: not known.
  bool wants_no_caches = false;
  std::optional<std::uint64_t> cached_files;
};

struct RestVerdict {
  records::Cold cold = records::Cold::verified;
  std::string reason = {};  // empty for verified
};

[[nodiscard]] RestVerdict judge_rest(const RestEvidence& evidence);

}  // namespace coldload::measure
