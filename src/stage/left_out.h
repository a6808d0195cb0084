// What of a source a copy leaves out, for people.
//
// Layer: stage. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "stage/source_tree.h"

namespace coldload::stage {

struct LeftOut {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> names;  // of files, and of directories in the source with a "/", by name
};

[[nodiscard]] LeftOut left_out_of(const SourceTree& tree);

// "not copied: 96 MB in 3 files (metal/, original/)"; empty where nothing is left out.
[[nodiscard]] std::string words_of(const LeftOut& left_out);

}  // namespace coldload::stage
