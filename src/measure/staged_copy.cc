#include "measure/staged_copy.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/file_id.h"
#include "os/file_lock.h"
#include "os/interrupt.h"
#include "stage/ownership.h"
#include "stage/part.h"
#include "stage/publication.h"
#include "stage/staged.h"
#include "storage/file_systems.h"
#include "storage/mounts.h"
#include "storage/page_cache.h"
#include "storage/path_answers.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

// Whoever measures with a copy has it locked. Empty where nobody has, for sure.
std::string why_in_use(const os::Directory& directory) {
  const os::LockAnswer answer = os::try_lock(directory.descriptor());
  if (answer == os::LockAnswer::held) return "another coldload measures with it just now";
  std::string unknown;
  if (answer == os::LockAnswer::not_possible) {
    unknown = os::error_text(errno);
  } else {
    os::unlock(directory.descriptor());
    const std::vector<storage::Mount> mounts = storage::current_mounts();
    const storage::Mount* mount = storage::mount_reached(mounts, directory.path());
    if (!mount || !storage::other_machines_may_reach(*mount)) return "";
    unknown = fmt::format("{} shows no other machine's locks", mount->fs_type);
  }
  return fmt::format(
      "whether another coldload measures with it cannot be told ({}): where none does, "
      "remove it yourself",
      unknown);
}

// As below, of the manifest of a copy that is not there.
std::string why_manifest_stays(const stage::Place& place) {
  try {
    const auto manifest = stage::read_manifest(place);
    return !manifest || manifest->temporary ? "" : "it is of a copy that no experiment made";
  } catch (const os::Error& error) {
    return error.what();
  }
}

// Why the directory at the place of our copies is none that we may remove; empty: an experiment
// made it, and ended before it removed it.
std::string why_it_stays(const stage::Place& place, const os::Directory& directory) {
  std::optional<stage::Manifest> manifest;
  try {
    manifest = stage::read_manifest(place);
  } catch (const os::Error& error) {
    return error.what();
  }
  const struct stat info = os::file_status(directory.descriptor());
  if (!manifest || !manifest->temporary || !stage::Ownership(*place.parent).is_ours(info.st_uid)) {
    return "it was not made for an experiment";
  }
  if (manifest->inode != info.st_ino) {
    std::string changed = stage::likeness(place, *manifest, directory).difference;
    if (!changed.empty()) return changed;
  }
  return why_in_use(directory);
}

void refuse_if_staged_to_now(const stage::Place& place) {
  throw os::Error(fmt::format("another coldload is staging to {} just now", place.destination));
}

}  // namespace

void StagedCopy::check(const std::string& destination) {
  const stage::Place place = stage::place_of(destination);
  if (place.parent->look(place.part_name) && !stage::PlaceLock::try_take(place)) {
    refuse_if_staged_to_now(place);
  }
  const auto info = place.parent->look(place.name);
  std::string why;
  if (!info) {
    why = why_manifest_stays(place);
  } else if (!S_ISDIR(info->st_mode)) {
    why = "it is no directory";
  } else {
    why = why_it_stays(place, place.parent->subdirectory(place.name));
  }
  if (why.empty()) return;
  throw os::Error(fmt::format(
      "--stage: {} is there already, and would be removed: {}; name a directory that is not there",
      info ? place.destination : place.manifest, why));
}

StagedCopy::~StagedCopy() {
  try {
    request_.keep ? keep() : remove();
  } catch (const std::exception& error) {
    watcher_.warning(
        fmt::format("{} was left behind: {}", request_.stage.destination, error.what()));
  }
}

void StagedCopy::remove() const {
  const stage::Place place = stage::place_of(request_.stage.destination);
  auto lock = stage::PlaceLock::try_take(place);
  if (!lock) refuse_if_staged_to_now(place);
  std::string why = stage::restore_taken(place, *lock);
  if (!why.empty()) throw os::Error(why);
  if (place.parent->look(place.name)) {
    why = stage::remove_destination(place, *lock, [&](const os::Directory& directory) {
      const bool made_now =
          copy_ && os::file_id(copy_->descriptor()) == os::file_id(directory.descriptor());
      return made_now ? "" : why_it_stays(place, directory);
    });
  } else if (why = why_manifest_stays(place); why.empty()) {
    stage::withdraw_manifest(place);
  } else {
    why = fmt::format("{} stays: {}", place.manifest, why);
  }
  lock->remove_part();
  if (!why.empty()) throw os::Error(why);
}

// From now on it is the user's.
void StagedCopy::keep() const {
  if (!copy_) return;
  const stage::Place place = stage::place_of(request_.stage.destination);
  auto lock = stage::PlaceLock::try_take(place);
  if (!lock) refuse_if_staged_to_now(place);
  auto manifest = stage::read_manifest(place);
  if (manifest && manifest->temporary) {
    manifest->temporary = false;
    stage::publish_manifest(place, *lock, *manifest);
  }
  lock->remove_part();
}

bool StagedCopy::renew() {
  remove();
  copy_.reset();
  made_ = {};
  if (!request_.backing_files.empty()) {
    const storage::PageCacheView view(request_.backing_files);
    view.warm(view.all(), {});
  }
  constexpr std::chrono::seconds k_patience{5};
  if (!storage::require_answers(request_.source_files) ||
      !storage::evict_by_child(request_.source_files, k_patience)) {
    return false;
  }
  const storage::PageCacheView source(request_.source_files);
  const auto left = source.resident_bytes();
  if (left.value_or(1) > 0) {
    made_.remark = left ? fmt::format("{} of the source were in memory before the copy",
                                      text::format_bytes(*left))
                        : "whether the source was in memory before the copy cannot be seen";
  }
  stage::StageRequest request = request_.stage;
  request.temporary = true;
  stage::StageResult result =
      stage::stage(request, {[](const std::string&) {},
                             [&](const stage::CopyProgress& now) {
                               watcher_.step("stage", now.bytes, now.total_bytes);
                             }});
  if (result.interrupted) return false;
  copy_ = std::move(result.copy);
  made_.seconds = result.copy_s;
  return true;
}

}  // namespace coldload::measure
