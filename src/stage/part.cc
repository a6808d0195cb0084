#include "stage/part.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file_id.h"
#include "os/file_lock.h"
#include "stage/ownership.h"
#include "text/escape.h"

namespace coldload::stage {

namespace {

constexpr mode_t k_ours_alone = 0700;
// Whoever finds it empties the directory first: what others put into it may still be there.
constexpr mode_t k_to_be_emptied = k_ours_alone | S_ISVTX;

constexpr std::array k_known_names{k_part_lock, k_part_journal, k_part_manifest,
                                   k_part_data, k_part_trash,   k_part_taken,
                                   "one",       "other"};  // of an exchange that was tried

bool is_there(const os::Directory& directory, const std::string& name, const os::Fd& opened) {
  const auto info = directory.look(name);
  return info && os::file_id(opened) == os::FileId{info->st_dev, info->st_ino};
}

void refuse_unless_ours(const Place& place, const struct stat& info) {
  if (!S_ISDIR(info.st_mode)) {
    throw os::Error(fmt::format("{} is no directory: remove it", place.part));
  }
  if (Ownership(*place.parent).is_ours(info.st_uid)) return;
  throw os::Error(fmt::format(
      "{0} {1}, who could change what is copied there: where no coldload of theirs is at work, "
      "remove it as that user or as root (rm -r {0}), or stage to a directory of your own",
      place.part, words_of_owner(info.st_uid)));
}

// Somebody may have given another directory that name: it would be removed in the end. False where
// its owner ends just now.
bool check_made_by_us(const Place& place, const os::Directory& part) {
  std::string stranger;
  std::string other_than_lock;
  bool has_lock = false;
  part.for_each_name([&](const char* own) {
    const std::string_view name = own;
    const bool known =
        std::find(k_known_names.begin(), k_known_names.end(), name) != k_known_names.end();
    if (name == k_part_lock) {
      has_lock = true;
    } else {
      (known ? other_than_lock : stranger) = name;
    }
    return known;
  });
  if (stranger.empty() && !has_lock && !other_than_lock.empty()) {
    // The lock goes last: what outlives it is no part's.
    if (part.look(k_part_lock) || !part.look(other_than_lock)) return false;
    stranger = "no lock";
  }
  if (stranger.empty()) return true;
  throw os::Error(fmt::format("{} was not made by coldload (it has {}): move it away, or remove it",
                              place.part, text::one_line(stranger)));
}

void remove_all_but_lock_and_taken(const os::Directory& part) {
  for (const std::string_view name : k_known_names) {
    if (name != k_part_lock && name != k_part_taken) part.remove_tree(std::string(name));
  }
}

// Null where it comes and goes just now.
std::shared_ptr<const os::Directory> enter_part(const Place& place) {
  const bool made = place.parent->make_subdirectory(place.part_name, k_ours_alone);
  try {
    const auto info = place.parent->look(place.part_name);
    if (!info) return nullptr;
    refuse_unless_ours(place, *info);  // what we cannot open, too
    auto part = std::make_shared<os::Directory>(place.parent->subdirectory(place.part_name));
    const struct stat opened = os::file_status(part->descriptor());
    refuse_unless_ours(place, opened);
    if (!made && !check_made_by_us(place, *part)) return nullptr;
    if ((opened.st_mode & ALLPERMS) != k_ours_alone && (opened.st_mode & S_ISVTX) == 0) {
      // A file system that keeps no modes leaves it as it is.
      const mode_t mode = others_may_write(opened.st_mode) ? k_to_be_emptied : k_ours_alone;
      [[maybe_unused]] const int done = ::fchmod(part->descriptor().get(), mode);
    }
    return part;
  } catch (const os::SystemError& error) {
    if (error.code() == ENOENT) return nullptr;  // its owner has just removed it
    throw;
  }
}

// Null as above, and where what was in its place is now removed. What another owner has just made
// there is never removed: he has it locked.
std::optional<os::Fd> open_lock(const os::Directory& part) {
  constexpr mode_t k_own_file = 0600;
  try {
    if (!part.look(k_part_lock)) {
      return part.open_file(k_part_lock, O_RDWR | O_CREAT | O_EXCL, k_own_file);
    }
    if (auto there = open_own(part, k_part_lock, O_RDWR)) return there;
    const auto info = part.look(k_part_lock);
    const bool is_made_by_us = info && S_ISREG(info->st_mode) && info->st_nlink == 1 &&
                               info->st_uid == os::file_status(part.descriptor()).st_uid;
    if (info && !is_made_by_us) part.remove_tree(k_part_lock);
    return std::nullopt;
  } catch (const os::SystemError& error) {
    if (error.code() == ENOENT || error.code() == EEXIST) return std::nullopt;
    throw;
  }
}

// With the lock held.
void empty_if_others_wrote(const os::Directory& part) {
  const struct stat info = os::file_status(part.descriptor());
  if ((info.st_mode & S_ISVTX) == 0 || others_may_write(info.st_mode)) return;
  remove_all_but_lock_and_taken(part);
  if (::fchmod(part.descriptor().get(), k_ours_alone) != 0) {
    throw os::SystemError("change the mode of", part.path(), errno);
  }
}

}  // namespace

std::optional<PlaceLock> PlaceLock::try_take(const Place& place) {
  // Each turn but the last lost a race with an owner that was just ending.
  constexpr int k_turns = 1000;
  for (int turn = 0; turn < k_turns; ++turn) {
    auto part = enter_part(place);
    if (!part) continue;
    auto file = open_lock(*part);
    if (!file) continue;
    const os::LockAnswer answer = os::try_lock(*file);
    if (answer == os::LockAnswer::held) return std::nullopt;
    if (answer != os::LockAnswer::taken) throw os::SystemError("lock", file->path(), errno);
    PlaceLock lock(place, std::move(part), std::move(*file));
    // An owner that ended in between has taken the directory with it.
    if (!lock.still_holds()) continue;
    empty_if_others_wrote(lock.part());
    return lock;
  }
  throw os::Error(fmt::format("cannot lock {}: it comes and goes", place.part));
}

std::shared_ptr<const os::Directory> PlaceLock::data() const {
  constexpr mode_t k_as_umask_says = 0777;
  static_cast<void>(part_->make_subdirectory(k_part_data, k_as_umask_says));
  auto data = std::make_shared<os::Directory>(part_->subdirectory(k_part_data));
  if (os::file_status(data->descriptor()).st_uid != os::file_status(part_->descriptor()).st_uid) {
    throw os::Error(fmt::format("somebody else wrote to {} meanwhile", place_.part));
  }
  return data;
}

bool PlaceLock::still_holds() const {
  return is_there(*place_.parent, place_.part_name, part_->descriptor()) &&
         is_there(*part_, k_part_lock, file_);
}

void PlaceLock::keep_for_good() { [[maybe_unused]] const int held = file_.release(); }

// The lock goes last: whoever takes it finds a directory that is whole, or makes one. What another
// one makes there from then on is not ours.
void PlaceLock::remove_part() {
  remove_all_but_lock_and_taken(*part_);
  if (holds(k_part_taken)) return;
  part_->remove_file(k_part_lock);
  if (is_there(*place_.parent, place_.part_name, part_->descriptor())) {
    ::unlinkat(place_.parent->descriptor().get(), place_.part_name.c_str(), AT_REMOVEDIR);
  }
}

}  // namespace coldload::stage
