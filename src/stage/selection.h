// Which files of a directory are copied, by their names below it.
//
// Layer: stage. Pure functions. Knows nothing of model formats: whoever asks for a copy says what
// belongs to it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coldload::stage {

struct Selection {
  // Only these files, which lie in the directory itself. Empty: all that the rest leaves.
  std::vector<std::string> only;
  // Neither these files nor, of a name that ends in "/", what lies below that directory.
  std::vector<std::string> leave_out;
  // Globs as huggingface-cli's: "*" takes "/" too, "sub/" means all below it. A file that is taken
  // matches one of the first, where there are any, and none of the second.
  std::vector<std::string> include;
  std::vector<std::string> exclude;

  // Whether the file `name` is copied.
  [[nodiscard]] bool takes(std::string_view name) const;
  // Whether anything below the directory `name` may be.
  [[nodiscard]] bool may_enter(std::string_view name) const;
};

}  // namespace coldload::stage
