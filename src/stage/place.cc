#include "stage/place.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::stage {

namespace {

Place place_in(std::shared_ptr<const os::Directory> parent, const std::string& name) {
  Place place;
  place.parent = std::move(parent);
  place.name = name;
  place.manifest_name = fmt::format("{}{}", name, k_manifest_suffix);
  place.part_name = fmt::format(".{}.coldload-part", name);
  place.destination = place.parent->path_of(name);
  place.manifest = place.parent->path_of(place.manifest_name);
  place.part = place.parent->path_of(place.part_name);
  return place;
}

}  // namespace

Place place_of(const std::string& destination) {
  namespace fs = std::filesystem;
  std::string wanted = destination;
  while (wanted.size() > 1 && wanted.back() == '/') wanted.pop_back();
  // Whatever ".." means there, the kernel says: nothing is left out by its spelling alone.
  const fs::path path = fs::absolute(wanted);
  const std::string name = path.filename().string();
  if (name.empty() || name == "." || name == "..") {
    throw os::Error(
        fmt::format("{} cannot be staged to: DST is the new directory itself", destination));
  }
  std::error_code problem;
  const std::string parent = fs::canonical(path.parent_path(), problem).string();
  if (problem) {
    throw os::Error(
        fmt::format("{} is not there ({}): is the disk mounted? DST's parent must exist",
                    path.parent_path().string(), os::error_text(problem.value())));
  }
  return place_in(std::make_shared<os::Directory>(os::Directory::open(parent)), name);
}

Place place_beside(const Place& place, const std::string& name) {
  return place_in(place.parent, name);
}

}  // namespace coldload::stage
