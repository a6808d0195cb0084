// Which of a checkpoint's files are its weights, as far as names and indices tell: a guess.
//
// It chooses as transformers, diffusers and vLLM do: the shards of an index that is complete; else
// one whole model.safetensors; else all shards of one precision; .gguf or PyTorch's own files where
// there are no safetensors; the folders below where nothing lies at the top. What a server really
// reads shows when it runs.
//
// Layer: model. May include os/, text/. Reads the indices; no weights.
#pragma once

#include <string>
#include <vector>

namespace coldload::model {

// gguf and pytorch are counted, not parsed.
enum class Format { safetensors, gguf, pytorch };

struct WeightChoice {
  Format format = Format::safetensors;
  std::vector<std::string> names;    // of the weights: relative, sorted; empty: none were found
  std::vector<std::string> indices;  // that were followed: relative
  std::vector<std::string> remarks;  // indices that were not followed, and why
};

// `names`: relative to `directory`, sorted (list_tree). Throws os::Error for an index that cannot
// be followed where nothing else is whole, and for several .gguf models.
[[nodiscard]] WeightChoice choose_weights(const std::string& directory,
                                          const std::vector<std::string>& names);

// Of a server that takes its weights from what matches the shell pattern `preferred` where there
// are such files at the top: those; as choose_weights() where there are none.
[[nodiscard]] WeightChoice choose_weights_of_server(const std::string& directory,
                                                    const std::string& preferred,
                                                    const std::vector<std::string>& names);

// Those that the user names: a shell pattern (fnmatch) over relative names or, without a slash,
// over the last component. Throws os::Error where it matches none.
[[nodiscard]] WeightChoice choose_weights_by(const std::string& pattern,
                                             const std::vector<std::string>& names);

}  // namespace coldload::model
