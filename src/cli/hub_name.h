// A model by its name on a hub: where the hub's cache on this machine has it.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>

namespace coldload::cli {

// The folder of the hub cache that holds the model ORG/NAME, where `word` is no path that is there;
// else `word`. The cache is where huggingface_hub looks for it: HF_HUB_CACHE, HF_HOME/hub, or
// huggingface/hub below XDG_CACHE_HOME or ~/.cache. Throws os::Error that says what to pass where
// such a name is in no cache.
[[nodiscard]] std::string path_of_model(const std::string& word);

}  // namespace coldload::cli
