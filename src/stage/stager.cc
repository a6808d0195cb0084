#include "stage/stager.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "os/clock.h"
#include "os/descriptor_limit.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/file_lock.h"
#include "os/path.h"
#include "stage/bounded_threads.h"
#include "stage/hub_blob.h"
#include "stage/journal.h"
#include "stage/part.h"
#include "stage/publication.h"
#include "stage/staged.h"
#include "storage/page_cache.h"
#include "text/units.h"

namespace coldload::stage {

namespace {

// A mount's own directory can neither be made nor be swapped.
void refuse_mount_point(const Place& place) {
  const auto own = place.parent->look(place.name);
  if (!own || own->st_dev == os::file_status(place.parent->descriptor()).st_dev) return;
  throw os::Error(
      fmt::format("{0} is a mount point: stage to a new directory below it, such as {0}/model",
                  place.destination));
}

void refuse_nesting(const SourceTree& source, const Place& place) {
  if (os::is_below(place.destination, source.root) ||
      os::is_below(source.root, place.destination)) {
    throw os::Error(fmt::format("cannot stage {} to {}: one lies in the other", source.root,
                                place.destination));
  }
}

void refuse_other(const Place& place, const Destination& there) {
  throw os::Error(fmt::format("{} is there already, and {}; --replace swaps it for a new copy",
                              place.destination, there.what));
}

PlaceLock take_lock(const Place& place, bool wait, const StageEvents& events) {
  constexpr std::chrono::milliseconds k_look_again{100};
  bool told = false;
  for (;;) {
    auto lock = PlaceLock::try_take(place);
    if (lock) return std::move(*lock);
    if (!wait) {
      throw os::Error(fmt::format("another coldload is staging to {} just now; --wait waits for it",
                                  place.destination));
    }
    if (!std::exchange(told, true)) events.step("waiting for another coldload that stages here");
    throw_if_interrupted();
    std::this_thread::sleep_for(k_look_again);
  }
}

std::uint64_t allocated_bytes(const os::Directory& directory) {
  constexpr std::uint64_t k_block_bytes = 512;  // whatever st_blksize says (stat(2))
  std::uint64_t sum = 0;
  directory.for_each_name([&](const char* name) {
    const auto info = directory.look(name);
    if (!info) return true;
    sum += static_cast<std::uint64_t>(info->st_blocks) * k_block_bytes;
    if (S_ISDIR(info->st_mode)) sum += allocated_bytes(directory.subdirectory(name));
    return true;
  });
  return sum;
}

void check_room(const Place& place, const PlaceLock& lock, const SourceTree& source) {
  constexpr std::uint64_t k_block_bytes = 4096;
  std::uint64_t needed = 0;
  for (const SourceFile& file : source.files) {
    needed += (file.bytes + k_block_bytes - 1) / k_block_bytes * k_block_bytes;
  }
  const auto data = lock.part().look(k_part_data);
  if (data && S_ISDIR(data->st_mode)) {
    needed -= std::min(needed, allocated_bytes(lock.part().subdirectory(k_part_data)));
  }
  struct statvfs info {};
  if (::fstatvfs(place.parent->descriptor().get(), &info) != 0) {
    throw os::SystemError("ask for the free space of", place.parent->path(), errno);
  }
  const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
  if (needed <= free) return;
  throw os::Error(fmt::format("no room in {}: {} more are needed, {} are free",
                              place.parent->path(), text::format_bytes(needed),
                              text::format_bytes(free)));
}

std::vector<std::string> paths_of(const SourceTree& tree, const std::string& directory) {
  std::vector<std::string> paths;
  for (const SourceFile& file : tree.files) paths.push_back(directory + "/" + file.name);
  return paths;
}

void check_hub(const StageRequest& request, const SourceTree& source,
               std::shared_ptr<const os::Directory> copy, const StageEvents& events,
               StageResult* result) {
  if (!request.verify_hub) return;
  events.step("checking the blobs' SHA-256");
  const HubCheck check = check_hub_blobs(source, std::move(copy), request.jobs);
  result->hub_checked = check.checked;
  if (check.problems.empty()) return;
  throw os::Error(fmt::format(
      "the source is not what the hub delivered: {}{}", check.problems.front(),
      check.problems.size() > 1 ? fmt::format(" (and {} more files)", check.problems.size() - 1)
                                : ""));
}

// The copy, until it is durable and proved.
void copy(const StageRequest& request, const SourceTree& source, const PlaceLock& lock,
          const StageEvents& events, Manifest* manifest, StageResult* result) {
  const auto journal = std::make_shared<Journal>(Journal::open(lock.part(), source));
  result->copy = lock.data();
  const TreeCopyOptions options{request.jobs, request.limit_bytes_per_s, events.progress};
  const os::TimePoint begin = os::Clock::now();
  CopyOutcome& outcome = *result;
  outcome = copy_tree(source, result->copy, journal, options, manifest);
  result->copy_s = os::seconds_between(begin, os::Clock::now());
  check_hub(request, source, result->copy, events, result);
}

// What of these files is in memory, after their eviction if that is wanted; nothing where it cannot
// be seen. So many at once that they may all be open.
std::optional<std::uint64_t> resident_bytes_of(const std::vector<std::string>& paths, bool evict) {
  constexpr std::size_t k_most = 10'000;
  constexpr std::chrono::seconds k_patience{5};
  const std::size_t at_once = std::clamp<std::size_t>(os::descriptor_limit() / 4, 1, k_most);
  std::uint64_t sum = 0;
  for (std::size_t begin = 0; begin < paths.size(); begin += at_once) {
    const std::size_t end = std::min(begin + at_once, paths.size());
    const storage::PageCacheView view({paths.begin() + static_cast<std::ptrdiff_t>(begin),
                                       paths.begin() + static_cast<std::ptrdiff_t>(end)});
    if (evict) view.evict(k_patience);
    const auto bytes = view.resident_bytes();
    if (!bytes) return std::nullopt;
    sum += *bytes;
  }
  return sum;
}

// The copy stands; what cannot be said of its pages is no reason to fail.
void leave_pages(const StageRequest& request, const SourceTree& source, const Place& place,
                 StageResult* result) {
  try {
    result->resident_bytes =
        resident_bytes_of(paths_of(source, place.destination), request.evict_after);
  } catch (const os::Error& error) {
    result->remarks.push_back(fmt::format("what is in memory is not known: {}", error.what()));
  }
  if (request.evict_after && result->resident_bytes.value_or(0) > 0) {
    result->remarks.push_back(fmt::format("{} of the copy stayed in memory",
                                          text::format_bytes(*result->resident_bytes)));
  }
}

// Whether an inode's number outlives a mount: FUSE and overlays give no such promise.
bool keeps_inodes(const os::Directory& directory) {
  struct statfs info {};
  return ::fstatfs(directory.descriptor().get(), &info) == 0 && info.f_type != FUSE_SUPER_MAGIC &&
         info.f_type != OVERLAYFS_SUPER_MAGIC;
}

// The file system may be gone from there, and be written all the same, by whoever has it open; or
// the directory.
void require_where_it_is_looked_for(const Place& place) {
  if (os::file_id(place.parent->path()) == os::file_id(place.parent->descriptor())) return;
  throw os::Error(fmt::format(
      "{0} is no longer the directory that was written to: its file system was unmounted, or it "
      "was moved or replaced; nobody finds a copy at {1}: mount it, or move it back, and stage "
      "again",
      place.parent->path(), place.destination));
}

// The copy is durable. The manifest goes first: it describes this directory, by its inode, and no
// other that may be at its place.
void publish_copy(const Place& place, const PlaceLock& lock, const Destination& there,
                  const os::Directory& data, Manifest* manifest) {
  const SourceTree copied = scan_copy(data, [](const std::string&, const struct stat&) {});
  manifest->inode = keeps_inodes(*place.parent) ? os::file_status(data.descriptor()).st_ino : 0;
  bool same = copied.files.size() == manifest->files.size();
  for (std::size_t i = 0; same && i < copied.files.size(); ++i) {
    same = copied.files[i].name == manifest->files[i].name &&
           copied.files[i].bytes == manifest->files[i].bytes;
    manifest->files[i].staged_mtime_ns = copied.files[i].mtime_ns;
  }
  if (!same || !lock.still_holds()) {
    throw os::Error(fmt::format("somebody else wrote to {} meanwhile", place.part));
  }
  // Whoever made it for an experiment holds it as long as that lasts. Where directories cannot be
  // locked it is taken for held.
  if (manifest->temporary) (void)os::try_lock(data.descriptor(), os::LockMode::shared);
  // A copy takes long.
  require_place_for_manifest(place, there);
  require_where_it_is_looked_for(place);
  Journal::remove(lock.part());
  publish_manifest(place, lock, *manifest);
  try {
    there.found == Found::absent ? publish(place, lock) : publish_by_exchange(place, lock);
  } catch (const os::Error&) {
    withdraw_manifest(place);
    throw;
  }
}

Proof proof_for(const StageRequest& request, const StageEvents& events) {
  return {request.jobs, events.step, {}};
}

// With the lock held. Returns the source as it is now: waiting for the lock may have taken long.
SourceTree stage_locked(const StageRequest& request, const Place& place, const StageEvents& events,
                        const PlaceLock& lock, StageResult* result) {
  SourceTree source = scan_tree(request.source, request.what);
  if (std::string lies = restore_taken(place, lock); !lies.empty()) {
    result->remarks.push_back(std::move(lies));
  }
  const Destination there = look_at(place, proof_for(request, events), &source);
  result->up_to_date = there.found == Found::up_to_date;
  if (result->up_to_date) {
    if (!there.remark.empty()) result->remarks.push_back(there.remark);
    return source;
  }
  if (there.found == Found::other && !request.replace) refuse_other(place, there);
  if (there.found == Found::other && !can_exchange(lock)) {
    throw os::Error(fmt::format(
        "this file system cannot swap two directories in one step: remove {} yourself, then stage "
        "again",
        place.destination));
  }
  require_place_for_manifest(place, there);
  if (request.keep) {
    Removal removal = keep_newest(place, *request.keep);
    result->removed = std::move(removal.removed);
    result->remarks.insert(result->remarks.end(), removal.remarks.begin(), removal.remarks.end());
  }
  check_room(place, lock, source);
  Manifest manifest = blank_manifest(source);
  manifest.temporary = request.temporary;
  copy(request, source, lock, events, &manifest, result);
  const SourceTree now = scan_tree(request.source, request.what);
  if (now.files != source.files || now.directories != source.directories) {
    throw os::Error(
        fmt::format("{} was changed while it was copied: stage it again when it is left alone",
                    request.source));
  }
  publish_copy(place, lock, there, *result->copy, &manifest);
  return source;
}

// A later call can go on after a read or write that failed; nothing is left behind where it could
// not: no room, a source that changes or is not what it should be.
bool can_go_on_after(const os::SystemError& error) {
  return error.code() != ENOSPC && error.code() != EDQUOT && error.code() != EFBIG;
}

SourceTree stage_or_tidy(const StageRequest& request, const Place& place, const StageEvents& events,
                         PlaceLock& lock, StageResult* result) {
  try {
    SourceTree source = stage_locked(request, place, events, lock, result);
    lock.remove_part();
    return source;
  } catch (const os::StallError&) {
    lock.keep_for_good();  // threads still write there
    throw;
  } catch (const Interrupted&) {
    if (!lock.holds(k_part_data)) lock.remove_part();
    throw;
  } catch (const os::SystemError& error) {
    if (!can_go_on_after(error) || !lock.holds(k_part_data)) {
      lock.remove_part();
      throw;
    }
    throw os::Error(fmt::format("{}; what was copied stays in {}: the same command goes on there",
                                error.what(), place.part));
  } catch (...) {
    lock.remove_part();
    throw;
  }
}

// An earlier call ended between its last two steps.
void tidy_up(const Place& place) {
  if (!place.parent->look(place.part_name)) return;
  try {
    if (auto lock = PlaceLock::try_take(place)) lock->remove_part();
  } catch (const os::Error&) {
    return;  // not ours to remove
  }
}

}  // namespace

StageResult stage(const StageRequest& request, const StageEvents& events) try {
  SourceTree source = scan_tree(request.source, request.what);
  const Place place = place_of(request.destination);
  refuse_nesting(source, place);
  refuse_mount_point(place);
  StageResult result;
  const Destination there = look_at(place, proof_for(request, events), &source);
  if (there.found == Found::other && !request.replace) refuse_other(place, there);
  result.up_to_date = there.found == Found::up_to_date;
  if (result.up_to_date && !there.remark.empty()) result.remarks.push_back(there.remark);
  if (!result.up_to_date) {
    PlaceLock lock = take_lock(place, request.wait, events);
    source = stage_or_tidy(request, place, events, lock, &result);
  }
  result.bytes = source.bytes();
  result.files = source.files.size();
  result.left_out = left_out_of(source);
  if (result.up_to_date) {
    check_hub(request, source,
              std::make_shared<os::Directory>(place.parent->subdirectory(place.name)), events,
              &result);
    tidy_up(place);
  }
  leave_pages(request, source, place, &result);
  require_where_it_is_looked_for(place);
  return result;
} catch (const Interrupted&) {
  StageResult result;
  result.interrupted = true;
  return result;
}

Destination look_at_copy(const std::string& source, const ScanOptions& what,
                         const std::string& destination) {
  const Place place = place_of(destination);
  if (!place.parent->look(place.name)) return {};
  SourceTree tree = scan_tree(source, what);
  return look_at(place, {}, &tree);
}

VerifyOutcome verify_staged(const std::string& destination, bool of_source, unsigned jobs,
                            const std::function<void(std::uint64_t)>& progress) {
  const Place place = place_of(destination);
  const auto manifest = read_manifest(place);
  if (!manifest) {
    throw os::Error(fmt::format(
        "{} is not there: only what coldload stage has made can be verified", place.manifest));
  }
  if (of_source) return verify_source(*manifest, jobs, progress);
  auto copy = std::make_shared<os::Directory>(place.parent->subdirectory(place.name));
  return verify_copy(*manifest, std::move(copy), jobs, progress);
}

}  // namespace coldload::stage
