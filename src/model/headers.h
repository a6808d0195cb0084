// What the headers of a checkpoint's shards say, held against its index.
//
// Layer: model. Reads headers, never what a tensor holds.
#pragma once

#include <vector>

#include "model/checkpoint.h"
#include "model/safetensors.h"

namespace coldload::model {

// Where the index says that the model is smaller than its shards are: reads their headers and
// counts what it needs of each. A loader that follows it reads a part of such a shard. Throws
// os::Error.
void count_indexed_parts(Checkpoint* checkpoint);

// Reads and validates every shard's header with up to `threads` threads (at least one), and checks
// that every tensor of the index is in the shard that the index names. One header per shard, in
// the shards' order; empty for the formats that are not parsed. Throws os::Error for the first
// shard, in their order, that is not what it should be.
[[nodiscard]] std::vector<ShardHeader> read_headers(const Checkpoint& checkpoint, unsigned threads);

}  // namespace coldload::model
