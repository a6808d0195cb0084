// What a file of a checkpoint is to a server.
//
// Layer: model.
#pragma once

namespace coldload::model {

// In eviction order: weights first, so that the small files are the last that anything could read
// back in.
enum class FileKind {
  shard,    // counted as weights
  weights,  // may hold weights, but is not counted: another copy, a precision, an adapter
  config,
  tokenizer,
  index,
  other,
};

[[nodiscard]] const char* to_string(FileKind kind);

}  // namespace coldload::model
