#include "stage/staged.h"

#include <cstddef>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/fd.h"
#include "stage/ownership.h"
#include "stage/source_tree.h"

namespace coldload::stage {

namespace {

constexpr mode_t k_permissions = 07777;

std::string text_of(const os::Fd& file) {
  constexpr std::size_t k_most_manifest_bytes = std::size_t{1} << 30;
  std::string text;
  while (os::read_some(file, &text)) {
    if (text.size() > k_most_manifest_bytes) {
      throw os::Error(fmt::format("cannot read {}: it is larger than {} bytes", file.path(),
                                  k_most_manifest_bytes));
    }
  }
  return text;
}

}  // namespace

std::optional<Manifest> read_manifest(const Place& place) {
  const auto there = place.parent->look(place.manifest_name);
  if (!there) return std::nullopt;
  if (!S_ISREG(there->st_mode)) {
    throw os::Error(fmt::format("its manifest, {}, is no regular file", place.manifest));
  }
  const auto refuse_if_strange = [&](const struct stat& info) {
    if (!Ownership(*place.parent).is_trusted(info.st_uid)) {
      throw os::Error(fmt::format("it was staged by another user (its manifest, {}, {})",
                                  place.manifest, words_of_owner(info.st_uid)));
    }
    if (others_may_write(info.st_mode)) {
      throw os::Error(
          fmt::format("its manifest, {0}, may be written by others (mode {1:o}; if you "
                      "trust it: chmod go-w {0})",
                      place.manifest, info.st_mode & k_permissions));
    }
  };
  refuse_if_strange(*there);
  const os::Fd file = place.parent->open_file(place.manifest_name, O_RDONLY | O_NONBLOCK);
  refuse_if_strange(os::file_status(file));
  return parse_manifest(text_of(file), place.manifest);
}

Likeness likeness(const Place& place, const Manifest& manifest, const os::Directory& directory) {
  const struct stat info = os::file_status(directory.descriptor());
  if (manifest.inode != 0 && info.st_ino != manifest.inode) {
    return {"it is not the directory that its manifest describes", ""};
  }
  Ownership ownership(*place.parent);
  Likeness found;
  const Seen judge = [&](const std::string& name, const struct stat& of) {
    const std::string what = name.empty() ? "the directory itself" : name;
    if (found.difference.empty() && S_ISLNK(of.st_mode)) {
      found.difference = fmt::format("it was changed since it was staged: {} is a link", what);
    }
    if (found.difference.empty() && !ownership.is_trusted(of.st_uid)) {
      found.difference = fmt::format("{} {}", what, words_of_owner(of.st_uid));
    }
    if (found.writable.empty() && !S_ISLNK(of.st_mode) && others_may_write(of.st_mode)) {
      found.writable = fmt::format("{}, mode {:o}", what, of.st_mode & k_permissions);
    }
  };
  std::string changed;
  try {
    changed = difference(manifest, scan_copy(directory, judge), Side::staged);
  } catch (const UnfitTree& error) {
    changed = error.what();
  }
  if (found.difference.empty() && !changed.empty()) {
    found.difference = "it was changed since it was staged: " + changed;
  }
  return found;
}

}  // namespace coldload::stage
