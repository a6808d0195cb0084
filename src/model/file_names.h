// What a name says about a file: weights, config, tokenizer, a part of a split .gguf, a hub cache.
//
// Layer: model. Pure functions: looks at no file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/checkpoint.h"

namespace coldload::model {

// "model-00001-of-00002.safetensors". Hidden files are none, as for the servers' globs.
[[nodiscard]] bool is_shard_name(std::string_view name);

[[nodiscard]] bool is_gguf_name(std::string_view name);

// config or tokenizer for the small files that servers read; nothing for any other name.
[[nodiscard]] std::optional<FileKind> kind_of_small_file(std::string_view name);

// All parts of a split .gguf ("m-00002-of-00003.gguf" gives three names, as llama.cpp splits), or
// the name alone. Loaders given one part load them all.
[[nodiscard]] std::vector<std::string> gguf_siblings(const std::string& name);

// The name for people of the checkpoint at an absolute path: its last component; for a hub
// snapshot ".../models--org--llama/snapshots/<hash>" "llama"; without ".gguf".
[[nodiscard]] std::string checkpoint_name(const std::string& path);

}  // namespace coldload::model
