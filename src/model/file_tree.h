// The names of all files below a checkpoint's directory, folders and links included.
//
// Layer: model. May include os/.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace coldload::model {

struct FileTree {
  std::vector<std::string> names;    // relative, sorted
  std::vector<std::string> remarks;  // what was not gone into, and why
};

// Of all that is no directory, and of directories that are called as a shard or an index is.
// Hidden files and folders are left out, as servers leave them out. Links to directories are
// followed, but not into the directories above, and no directory is gone into twice. A tree deeper
// than 16 folders or with more than `most_names` files is listed that far, which a remark says:
// what lies higher up comes first, so that a model's own files are there whatever lies in folders
// below. Throws os::SystemError where `directory` itself cannot be listed.
[[nodiscard]] FileTree list_tree(const std::string& directory, std::size_t most_names = 100'000);

}  // namespace coldload::model
