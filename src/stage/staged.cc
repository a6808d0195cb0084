#include "stage/staged.h"

#include <cstddef>
#include <memory>
#include <utility>

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

// Whose all of it is, as a scan comes upon it.
class Judge {
 public:
  explicit Judge(std::shared_ptr<const os::Directory> parent)
      : parent_(std::move(parent)), ownership_(*parent_) {}

  void see(const std::string& name, const struct stat& info) {
    const std::string what = name.empty() ? "the directory itself" : name;
    if (found_.difference.empty() && S_ISLNK(info.st_mode)) {
      found_.difference = fmt::format("it was changed since it was staged: {} is a link", what);
    }
    if (found_.difference.empty() && !ownership_.is_trusted(info.st_uid)) {
      found_.difference = fmt::format("{} {}", what, words_of_owner(info.st_uid));
    }
    if (found_.writable.empty() && !S_ISLNK(info.st_mode) && others_may_write(info.st_mode)) {
      found_.writable = fmt::format("{}, mode {:o}", what, info.st_mode & k_permissions);
    }
  }

  [[nodiscard]] const Likeness& found() const { return found_; }

 private:
  const std::shared_ptr<const os::Directory> parent_;
  Ownership ownership_;
  Likeness found_;
};

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

std::string why_no_manifest(const Place& place) {
  try {
    const os::Fd file = place.parent->open_file(place.manifest_name, O_RDONLY | O_NONBLOCK);
    (void)parse_manifest(text_of(file), place.manifest);
    return "";
  } catch (const os::Error& error) {
    return error.what();
  }
}

Likeness likeness(const Place& place, const Manifest& manifest, const os::Directory& directory) {
  const struct stat info = os::file_status(directory.descriptor());
  if (manifest.inode != 0 && info.st_ino != manifest.inode) {
    return {"it is not the directory that its manifest describes", ""};
  }
  // Owned by the threads of the scan, too: one that hangs in the kernel keeps it.
  const auto judge = std::make_shared<Judge>(place.parent);
  std::string changed;
  try {
    const Seen seen = [judge](const std::string& name, const struct stat& info_of) {
      judge->see(name, info_of);
    };
    changed = difference(manifest, scan_copy(directory, seen), Side::staged);
  } catch (const UnfitTree& error) {
    changed = error.what();
  }
  Likeness found = judge->found();
  if (found.difference.empty() && !changed.empty()) {
    found.difference = "it was changed since it was staged: " + changed;
  }
  return found;
}

}  // namespace coldload::stage
