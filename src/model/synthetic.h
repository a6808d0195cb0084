// A random-weight Llama on disk, as real servers load it without a hub.
//
// Layer: model. May include os/, text/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/llama_shape.h"

namespace coldload::model {

struct SyntheticOptions {
  std::string directory;  // must not exist, or be empty
  std::uint64_t bytes = 0;
  std::uint64_t shards = 0;  // 0: about 2 GB each, two at least from 256 MB on
  std::uint64_t seed = 0;
  unsigned threads = 1;
  // Called from one thread, a few times a second, with the bytes written so far and in all.
  std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

struct SyntheticResult {
  std::string directory;  // absolute
  LlamaShape shape;
  std::uint64_t tensors = 0;
  std::uint64_t shards = 0;
  std::uint64_t weight_bytes = 0;  // the shards' sizes, headers included
  // Of those to the same place that were killed: their directories, which are gone now.
  std::vector<std::string> removed_partials;
  std::vector<std::string> left_alone;  // sentences on those that may still live elsewhere
};

// Writes the checkpoint: every block written (no holes), files and directories flushed to the
// device, the same bytes for the same options whatever the number of threads. It is made in a
// sibling directory and renamed when it is complete: after a failure or an interruption nothing of
// it is left. Memory: 8 MiB a thread. Throws os::Error: the directory is not empty, not enough
// space (both figures named), interrupted, ...
SyntheticResult write_synthetic(const SyntheticOptions& options);

}  // namespace coldload::model
