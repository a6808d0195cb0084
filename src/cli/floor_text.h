// A floor as a person reads it.
//
// Layer: cli. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "measure/floor.h"
#include "storage/path_info.h"

namespace coldload::cli {

// What a floor was measured on.
struct FloorSubject {
  std::string path;
  std::uint64_t bytes = 0;         // of the weights
  std::vector<std::string> files;  // the weight files' real paths
  storage::PathInfo storage;
};

[[nodiscard]] std::string floor_text(const FloorSubject& subject, const records::Floor& floor);

}  // namespace coldload::cli
