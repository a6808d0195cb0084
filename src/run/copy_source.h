// What a copy of a model is made of: which directory, and which of its files.
//
// Layer: run. `stage` knows no models and `model` no copies: here they meet, also for `coldload
// stage` and `compare --stage`.
#pragma once

#include <string>

#include "model/checkpoint.h"
#include "stage/selection.h"

namespace coldload::run {

struct CopySource {
  std::string directory;
  stage::Selection selection;
  // In the copy, what a server is given: a .gguf file, the first part of a split one. Empty: the
  // copy itself.
  std::string served_file;
  std::string remark;  // why all is copied, where the directory is not known to be a model's
};

// What of the checkpoint can be served. Throws os::SystemError.
[[nodiscard]] CopySource copy_source(const model::Checkpoint& checkpoint);

// The same of a path as people give it, and of the weights that they say it has (empty: guessed);
// all of a directory that is no checkpoint. Throws os::Error for a repository's folder in a hub
// cache that does not tell which snapshot is meant, for a file that is no .gguf, and where no file
// is what they say.
[[nodiscard]] CopySource copy_source(const std::string& path, const std::string& weights);

// What a server is given where the copy of `source`, a path of either kind, lies at `destination`:
// by the names alone.
[[nodiscard]] std::string served_in_copy(const std::string& source, const std::string& destination);

}  // namespace coldload::run
