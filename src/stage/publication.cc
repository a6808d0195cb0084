#include "stage/publication.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file_id.h"
#include "stage/ownership.h"
#include "stage/staged.h"

namespace coldload::stage {

namespace {

// Not a SystemError: whatever fails here fails again for a copy that goes on.
void put(const Place& place, const PlaceLock& lock, const char* name, const std::string& new_name,
         unsigned flags) {
  try {
    lock.part().rename(name, *place.parent, new_name, flags);
    place.parent->flush();
  } catch (const os::SystemError& error) {
    throw os::Error(error.what());
  }
}

// 0, or the errno of it.
int try_rename(const os::Directory& from, const char* name, const os::Directory& to,
               const std::string& new_name, unsigned flags) {
  try {
    from.rename(name, to, new_name, flags);
    return 0;
  } catch (const os::SystemError& error) {
    return error.code();
  }
}

std::string lies_in_part(const PlaceLock& lock, const std::string& why) {
  return fmt::format("it cannot be put back ({}) and lies in {}: move it from there yourself", why,
                     lock.part().path_of(k_part_taken));
}

// Not by path: others may rename in the parent. Returns why not and where it lies, or nothing.
std::string put_back(const Place& place, const PlaceLock& lock) {
  const auto try_with = [&](unsigned flags) {
    return try_rename(lock.part(), k_part_taken, *place.parent, place.name, flags);
  };
  int error = try_with(RENAME_NOREPLACE);
  if (error == EINVAL) {  // as in publish(); a file would replace another one
    const auto info = lock.part().look(k_part_taken);
    if (info && S_ISDIR(info->st_mode)) error = try_with(0);
  }
  if (error != 0) return lies_in_part(lock, os::error_text(error));
  place.parent->flush();
  return "";
}

}  // namespace

void require_place_for_manifest(const Place& place, const Destination& there) {
  const auto info = place.parent->look(place.manifest_name);
  if (!info) return;
  const auto refuse = [&place](const std::string& why) {
    throw os::Error(fmt::format("cannot stage to {}: {}; move it away, or name another destination",
                                place.destination, why));
  };
  if (S_ISDIR(info->st_mode)) {
    refuse(fmt::format("{}, where its manifest goes, is a directory", place.manifest));
  }
  // Whoever says --replace of a destination means what is beside it, too.
  if (there.found != Found::absent || !S_ISREG(info->st_mode)) return;
  const std::string why = why_no_manifest(place);
  if (!why.empty()) refuse(fmt::format("its manifest would replace a file of others: {}", why));
}

void publish_manifest(const Place& place, const PlaceLock& lock, const Manifest& manifest) {
  constexpr mode_t k_for_all_to_read = 0644;  // and for nobody else to write, whatever the umask
  lock.part().remove_tree(k_part_manifest);
  {
    const os::Fd file = lock.part().create_file(k_part_manifest, k_for_all_to_read);
    os::write_full(file, to_text(manifest));
    if (::fsync(file.get()) != 0) throw os::SystemError("flush", file.path(), errno);
  }
  put(place, lock, k_part_manifest, place.manifest_name, 0);
}

void withdraw_manifest(const Place& place) {
  const auto info = place.parent->look(place.manifest_name);
  if (info && Ownership(*place.parent).is_ours(info->st_uid)) {
    place.parent->remove_file(place.manifest_name);
  }
}

bool can_exchange(const PlaceLock& lock) {
  constexpr mode_t k_own_directory = 0700;
  for (const char* name : {"one", "other"}) {
    static_cast<void>(lock.part().make_subdirectory(name, k_own_directory));
  }
  const int error = try_rename(lock.part(), "one", lock.part(), "other", RENAME_EXCHANGE);
  for (const char* name : {"one", "other"}) lock.part().remove_tree(name);
  return error == 0;
}

void publish(const Place& place, const PlaceLock& lock) {
  const int error =
      try_rename(lock.part(), k_part_data, *place.parent, place.name, RENAME_NOREPLACE);
  if (error == 0) return place.parent->flush();
  // A file system without the flag: a directory never replaces one that has something in it.
  put(place, lock, k_part_data, place.name, error == EINVAL ? 0U : RENAME_NOREPLACE);
}

void publish_by_exchange(const Place& place, const PlaceLock& lock) {
  put(place, lock, k_part_data, place.name, RENAME_EXCHANGE);
}

std::string remove_destination(const Place& place, const PlaceLock& lock,
                               const WhyItStays& why_it_stays) {
  const auto stays = [&](const std::string& why) {
    return fmt::format("{} stays: {}", place.destination, why);
  };
  if (lock.holds(k_part_taken)) {
    return stays(fmt::format("what an earlier removal took is still in {}: move it from there",
                             lock.part().path_of(k_part_taken)));
  }
  os::FileId looked_at;
  {
    const os::Directory directory = place.parent->subdirectory(place.name);
    looked_at = os::file_id(directory.descriptor());
    if (const std::string why = why_it_stays(directory); !why.empty()) return stays(why);
  }
  lock.part().remove_tree(k_part_trash);
  // Out of sight, so that nobody meets half of it.
  int error = try_rename(*place.parent, place.name.c_str(), lock.part(), k_part_taken, 0);
  if (error != 0) return stays(os::error_text(error));
  const auto was_to_stay = [&](const std::string& why, const std::string& lies) {
    return fmt::format("{} was to stay ({}), but {}", place.destination, why, lies);
  };
  std::string why = "another directory came to its place";
  try {
    const os::Directory taken = lock.part().subdirectory(k_part_taken);
    if (os::file_id(taken.descriptor()) == looked_at) why = why_it_stays(taken);
  } catch (const os::Error& failure) {
    const std::string lies = put_back(place, lock);
    if (lies.empty()) throw;
    throw os::Error(was_to_stay(failure.what(), lies));
  }
  if (why.empty()) {
    error = try_rename(lock.part(), k_part_taken, lock.part(), k_part_trash, 0);
    if (error != 0) why = os::error_text(error);
  }
  if (!why.empty()) {
    const std::string lies = put_back(place, lock);
    return lies.empty() ? stays(why) : was_to_stay(why, lies);
  }
  withdraw_manifest(place);
  lock.part().remove_tree(k_part_trash);
  return "";
}

std::string restore_taken(const Place& place, const PlaceLock& lock) {
  const auto info = lock.part().look(k_part_taken);
  if (!info) return "";
  std::string lies = Ownership(*place.parent).is_ours(info->st_uid)
                         ? put_back(place, lock)
                         : lies_in_part(lock, words_of_owner(info->st_uid));
  if (lies.empty()) return "";
  return fmt::format("a removal of {} was cut off: {}", place.destination, lies);
}

}  // namespace coldload::stage
