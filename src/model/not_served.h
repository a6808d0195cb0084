// What lies in a checkpoint's directory that no server of this checkpoint reads, as far as names
// tell: the weights once more, in another format or for another program, and a training's state.
//
// Layer: model. Looks at names in one directory; opens nothing.
#pragma once

#include <string>
#include <vector>

#include "model/checkpoint.h"

namespace coldload::model {

// Names in the directory of `checkpoint`, those of directories with a "/" behind: the folders
// `original/`, `metal/`, `onnx/` and the like, whole checkpoints of a training's steps, weights
// that are named as the model's are and do not count (`consolidated*` beside shards, `.bin`, `.pth`
// and `.gguf` beside safetensors), and an optimizer's state. What is in doubt is not among them:
// adapters, draft models, folders of other names. Of .gguf files those that are no projector and
// not named as the weights; none where these are a guess. Throws os::SystemError.
[[nodiscard]] std::vector<std::string> not_served(const Checkpoint& checkpoint);

}  // namespace coldload::model
