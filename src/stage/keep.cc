#include "stage/keep.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
#include "stage/bounded_threads.h"
#include "stage/manifest.h"
#include "stage/ownership.h"
#include "stage/part.h"
#include "stage/publication.h"
#include "stage/staged.h"
#include "storage/holders.h"

namespace coldload::stage {

namespace {

struct Staged {
  Place place;
  Manifest manifest;
};

// The other staged directories of the parent, the newest first. What another user staged is not
// ours to count, and less to remove.
std::vector<Staged> others_of(const Place& place, std::vector<std::string>* remarks) {
  std::vector<std::string> names;
  place.parent->for_each_name([&](const char* own) {
    const std::string_view name = own;
    if (name.size() > k_manifest_suffix.size() && name.ends_with(k_manifest_suffix) &&
        name != place.manifest_name) {
      names.emplace_back(name.substr(0, name.size() - k_manifest_suffix.size()));
    }
    return true;
  });
  std::vector<Staged> found;
  Ownership ownership(*place.parent);
  for (const std::string& name : names) {
    const Place other = place_beside(place, name);
    const auto directory = place.parent->look(name);
    const auto manifest = place.parent->look(other.manifest_name);
    if (!directory || !S_ISDIR(directory->st_mode) || !ownership.is_ours(directory->st_uid) ||
        !manifest || !ownership.is_ours(manifest->st_uid)) {
      continue;
    }
    try {
      if (auto read = read_manifest(other)) found.push_back({other, std::move(*read)});
    } catch (const os::Error& error) {
      remarks->emplace_back(error.what());
    }
  }
  std::sort(found.begin(), found.end(), [](const Staged& a, const Staged& b) {
    return std::tie(b.manifest.staged_at, b.place.name) <
           std::tie(a.manifest.staged_at, a.place.name);
  });
  return found;
}

// With its lock held: nobody stages there meanwhile.
std::string why_it_stays(const Place& place, const Manifest& manifest,
                         const os::Directory& directory) {
  if (!Ownership(*place.parent).is_ours(os::file_status(directory.descriptor()).st_uid)) {
    return "it is another user's";
  }
  std::string changed = likeness(place, manifest, directory).difference;
  if (!changed.empty()) return changed;
  std::vector<std::string> files;
  for (const ManifestFile& file : manifest.files) files.push_back(directory.path_of(file.name));
  const auto holders = storage::find_holders(files);
  return holders.empty() ? "" : "it is in use by " + storage::describe(holders.front());
}

// Empty where it is gone; else why it stays.
std::string remove_staged(const Place& place) {
  auto lock = PlaceLock::try_take(place);
  if (!lock) return place.destination + " stays: it is being staged just now";
  std::string why;
  try {
    const auto manifest = read_manifest(place);
    why = manifest ? remove_destination(place, *lock,
                                        [&](const os::Directory& directory) {
                                          return why_it_stays(place, *manifest, directory);
                                        })
                   : place.destination + " stays: its manifest is gone";
  } catch (...) {
    lock->remove_part();
    throw;
  }
  lock->remove_part();
  return why;
}

// What an earlier call had taken out of sight when it was killed: a removal that was decided on
// comes to its end, any other is undone.
void end_removals(const Place& place, std::vector<std::string>* remarks) {
  constexpr std::string_view k_before = ".";
  constexpr std::string_view k_after = ".coldload-part";
  std::vector<std::string> names;
  place.parent->for_each_name([&](const char* own) {
    const std::string_view name = own;
    if (name.size() > k_before.size() + k_after.size() && name.starts_with(k_before) &&
        name.ends_with(k_after) && name != place.part_name) {
      names.emplace_back(
          name.substr(k_before.size(), name.size() - k_before.size() - k_after.size()));
    }
    return true;
  });
  for (const std::string& name : names) {
    const Place other = place_beside(place, name);
    try {
      const auto holds = [&](const char* what) {
        return place.parent->look(other.part_name + "/" + what).has_value();
      };
      if (!holds(k_part_trash) && !holds(k_part_taken)) continue;  // nor locked
      auto lock = PlaceLock::try_take(other);
      if (!lock || (!lock->holds(k_part_trash) && !lock->holds(k_part_taken))) continue;
      if (std::string lies = restore_taken(other, *lock); !lies.empty()) {
        remarks->push_back(std::move(lies));
        continue;
      }
      if (!place.parent->look(name)) withdraw_manifest(other);
      lock->remove_part();
    } catch (const os::Error&) {
      continue;  // another user's
    }
  }
}

}  // namespace

Removal keep_newest(const Place& place, std::size_t keep) {
  Removal removal;
  end_removals(place, &removal.remarks);
  const std::vector<Staged> others = others_of(place, &removal.remarks);
  for (std::size_t i = keep > 0 ? keep - 1 : 0; i < others.size(); ++i) {
    throw_if_interrupted();  // a removal that has begun comes to its end
    const Place& other = others[i].place;
    std::string why;
    try {
      why = remove_staged(other);
    } catch (const Interrupted&) {
      throw;
    } catch (const os::Error& error) {
      why = fmt::format("{} stays: {}", other.destination, error.what());
    }
    if (why.empty()) {
      removal.removed.push_back(other.destination);
    } else {
      removal.remarks.push_back(std::move(why));
    }
  }
  return removal;
}

}  // namespace coldload::stage
