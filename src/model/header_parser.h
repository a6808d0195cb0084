// Reads the JSON of a safetensors header piece by piece, refusing at once what no header may hold.
//
// Layer: model. May include os/, text/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/safetensors.h"
#include "os/fd.h"

namespace coldload::model {

// The `length` bytes of JSON of `file`, with `data_bytes` behind them. Throws as
// read_shard_header() does, which has the rest.
[[nodiscard]] ShardHeader parse_header(const os::Fd& file, std::uint64_t length,
                                       std::uint64_t data_bytes, std::size_t piece_bytes);

}  // namespace coldload::model
