// What a name says about a file: weights, config, tokenizer, a part of a split .gguf, a hub cache.
//
// Layer: model. Pure functions: looks at no file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/file_kind.h"

namespace coldload::model {

// "model-00001-of-00002.safetensors". Hidden files are none, as for the servers' globs.
[[nodiscard]] bool is_shard_name(std::string_view name);

[[nodiscard]] bool is_gguf_name(std::string_view name);
// The same of a relative name, and not that of a projector, which belongs to a model.
[[nodiscard]] bool is_gguf_model(std::string_view name);

// Whether files of such a name may hold weights, in any of the formats that servers know.
[[nodiscard]] bool is_weight_name(std::string_view name);

// What the parts of one set have in common: "model.fp16" of
// "model.fp16-00001-of-00002.safetensors".
[[nodiscard]] std::string stem_of(std::string_view shard_name);
// "fp16" there; empty for a name that speaks of none.
[[nodiscard]] std::string precision_of(std::string_view shard_name);

// "vae/" of "vae/model.safetensors"; empty at the top.
[[nodiscard]] std::string folder_of(const std::string& name);

// config or tokenizer for the small files that servers read; nothing for any other name.
[[nodiscard]] std::optional<FileKind> kind_of_small_file(std::string_view name);

// All parts of a split .gguf ("m-00002-of-00003.gguf" gives three names, as llama.cpp splits), or
// the name alone. Loaders given one part load them all.
[[nodiscard]] std::vector<std::string> gguf_siblings(const std::string& name);

// The name for people of the checkpoint at an absolute path: its last component; for a hub
// snapshot ".../models--org--llama/snapshots/<hash>" "llama"; without ".gguf".
[[nodiscard]] std::string checkpoint_name(const std::string& path);

}  // namespace coldload::model
