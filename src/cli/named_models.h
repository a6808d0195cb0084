// The models that a server's command names beside the one that it serves: a projector, a draft
// model, an adapter.
//
// Layer: cli.
#pragma once

#include <string>
#include <vector>

namespace coldload::cli {

// The weight files, and the directories that are checkpoints, among the words' values: "--mmproj
// F.gguf", "--lora-modules a=DIR", '{"model":"DIR"}'. Whatever flag they stand behind.
[[nodiscard]] std::vector<std::string> models_named_in(const std::vector<std::string>& words);

}  // namespace coldload::cli
