// One number for which tensors a checkpoint has: their names, types and shapes, not their values.
//
// Two precisions, or two models, are told apart by it without reading a weight; the same tensors in
// other shards are not. A model and a fine-tuned one of the same tensors have the same hash.
//
// Layer: model. Reads headers and indices; no weights.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "model/checkpoint.h"

namespace coldload::model {

// Of all tensors that one safetensors file's header names: the sum of their hashes, so that those
// of several files add up. Nothing for any other file, and where its header cannot be read.
[[nodiscard]] std::optional<std::uint64_t> tensors_hash(const std::string& path);

// The same of every file of the checkpoint that may hold weights, by name; those of an index's
// shards without what it does not want of them. Files without a hash are left out. Throws os::Error
// for an index that cannot be read, and where it is interrupted.
[[nodiscard]] std::map<std::string, std::uint64_t> tensors_hashes(const Checkpoint& checkpoint);

}  // namespace coldload::model
