// The names around a destination.
//
//   PARENT/NAME                    the destination: absent, or complete and right
//   PARENT/NAME.coldload.json      its manifest
//   PARENT/.NAME.coldload-part/    where a copy grows (part.h)
//
// Layer: stage. Knows nothing of what lies there.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "os/directory.h"

namespace coldload::stage {

inline constexpr std::string_view k_manifest_suffix = ".coldload.json";

// All of it is done relative to the parent, opened once: others may rename what leads there.
struct Place {
  std::shared_ptr<const os::Directory> parent;
  std::string name;
  std::string manifest_name;
  std::string part_name;
  // To be shown, and for what can be asked by path alone. Absolute.
  std::string destination;
  std::string manifest;
  std::string part;
};

// Throws os::Error where the parent directory is not there, or where the name cannot be one of a
// new directory.
[[nodiscard]] Place place_of(const std::string& destination);
// Of another name in the same directory.
[[nodiscard]] Place place_beside(const Place& place, const std::string& name);

}  // namespace coldload::stage
