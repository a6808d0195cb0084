// The small files of a synthetic Llama: what servers need beside the weights when there is no hub.
//
// Layer: model. Pure functions: texts, not files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/llama_shape.h"

namespace coldload::model {

// Name and content: config.json, generation_config.json, tokenizer.json (byte-level BPE without
// merges, 258 ids: <s>, </s> and the 256 bytes), tokenizer_config.json.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> llama_small_files(
    const LlamaShape& shape);

// "model.safetensors" for one shard, else "model-00001-of-00002.safetensors"; `number` from 1.
[[nodiscard]] std::string shard_file_name(std::size_t number, std::size_t shards);

// model.safetensors.index.json for these shards.
[[nodiscard]] std::string llama_index(const std::vector<std::vector<LlamaTensor>>& shards);

// The whole head of a shard file: length, JSON, blanks that align the data to 8 bytes.
[[nodiscard]] std::string llama_shard_head(const std::vector<LlamaTensor>& tensors);

}  // namespace coldload::model
