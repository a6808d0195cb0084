#include "os/output_place.h"

#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

namespace {

// /proc/PID/fd and the like: what they lead to has no name.
bool lies_in_proc(const Directory& directory) {
  struct statfs info {};
  return ::fstatfs(directory.descriptor().get(), &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

// `given`: what was named, for messages.
OutputPlace follow_own_links(OutputPlace place, const std::string& given) {
  constexpr int k_most_links = 40;  // the kernel follows no more (path_resolution(7))
  for (int links = 0; links <= k_most_links; ++links) {
    const auto info = place.directory.look(place.name);
    if (!info || !S_ISLNK(info->st_mode)) return place;
    if (info->st_uid != ::geteuid() && info->st_uid != 0) {
      throw Error(fmt::format(
          "cannot write {}: it is a link that another user made (uid {}); remove it, or name "
          "another place",
          place.directory.path_of(place.name), info->st_uid));
    }
    if (lies_in_proc(place.directory)) return place;
    std::string target = place.directory.read_link(place.name);
    while (target.size() > 1 && (target.ends_with('/') || target.ends_with("/.")))
      target.pop_back();
    const std::filesystem::path path = target;
    const std::string name = path.filename();
    if (name.empty() || name == "." || name == "..") {
      return {place.directory.reached_by(target), "."};
    }
    // From the root, or from here: a descriptor needs no path to be reached.
    const std::filesystem::path parent = path.parent_path();
    place = {parent.empty() ? std::move(place.directory) : place.directory.reached_by(parent),
             name};
  }
  throw SystemError("write", given, ELOOP);
}

}  // namespace

OutputPlace output_place(const std::string& path) {
  const std::filesystem::path given = path;
  const std::string name = given.filename();
  if (name.empty() || name == "." || name == "..") throw SystemError("write", path, EISDIR);
  return follow_own_links({Directory::open(given.parent_path()), name}, path);
}

OutputPlace output_place(const Directory& directory, const std::string& name) {
  return follow_own_links({directory.again(), name}, directory.path_of(name));
}

Directory output_directory(const std::string& path) {
  std::string wanted = path;
  while (wanted.size() > 1 && (wanted.ends_with('/') || wanted.ends_with("/."))) wanted.pop_back();
  const std::string name = std::filesystem::path(wanted).filename();
  if (name.empty() || name == "." || name == "..") return Directory::open(wanted);
  const OutputPlace place = output_place(wanted);
  return place.directory.subdirectory(place.name);
}

}  // namespace coldload::os
