#include "start_set/learner.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/path.h"
#include "os/proc.h"
#include "os/subprocess.h"
#include "start_set/file_pages.h"
#include "start_set/mapped_folders.h"
#include "storage/watched_threads.h"

namespace coldload::start_set {

namespace {

constexpr std::chrono::seconds k_walk_patience{60};

// A process that descends from `ancestor`, but not from one that was there when this was made.
class BornSince {
 public:
  explicit BornSince(pid_t ancestor) : ancestor_(ancestor) {
    for (const os::ProcessInfo& info : os::descendants(ancestor)) before_.insert(info.pid);
  }

  bool operator()(pid_t pid) const {
    constexpr int k_deepest = 256;
    for (int depth = 0; depth < k_deepest && pid > 1; ++depth) {
      if (before_.count(pid) != 0) return false;
      if (pid == ancestor_) return depth > 0;
      const auto info = os::process_info(pid);
      if (!info) return false;
      pid = info->parent;
    }
    return false;
  }

 private:
  pid_t ancestor_;
  std::set<pid_t> before_;
};

std::vector<std::string> all_of(const Roles& roles) {
  std::vector<std::string> files(roles.weights.begin(), roles.weights.end());
  files.insert(files.end(), roles.checkpoint.begin(), roles.checkpoint.end());
  return files;
}

}  // namespace

Learner::Learner(Roles roles, pid_t ancestor) : roles_(std::move(roles)) {
  try {
    watch_ = std::make_unique<OpenWatch>(BornSince(ancestor), all_of(roles_));
  } catch (const os::Error& error) {
    why_not_ = error.what();
  }
}

Group Learner::group_of(const std::string& path) const {
  if (roles_.weights.count(path) != 0) return Group::weights;
  if (roles_.checkpoint.count(path) != 0) return Group::checkpoint;
  for (const std::string& folder : roles_.cache_folders) {
    if (os::is_below(path, folder)) return Group::caches;
  }
  return start_set::group_of(path);
}

std::vector<std::string> Learner::files_by_page_cache(const std::vector<pid_t>& processes) const {
  std::vector<std::string> files = files_held_by(processes);
  std::vector<Folder> folders;
  for (const std::string& file : files) {
    if (group_of(file) != Group::program) continue;
    const Folder folder = folder_of(file);
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
      folders.push_back(folder);
    }
  }
  for (const std::string& folder : roles_.cache_folders) folders.push_back({folder, true});
  const auto beside =
      std::make_shared<std::vector<std::string>>();  // where the walk hangs: its own
  storage::run_watched(1, os::Clock::now() + k_walk_patience,
                       [beside, folders](unsigned, storage::PendingCall&) {
                         *beside = files_in(folders, k_most_files);
                       });
  const std::vector<std::string> checkpoint = all_of(roles_);
  files.insert(files.end(), checkpoint.begin(), checkpoint.end());
  files.insert(files.end(), beside->begin(), beside->end());
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

StartSet Learner::finish(const std::vector<pid_t>& processes) {
  StartSet set;
  std::vector<std::string> paths;
  if (watch_) {
    Opened opened = watch_->finish();
    paths = std::move(opened.files);
    if (!opened.is_complete) {
      set.remarks.push_back("some openings were not seen: " + opened.why_not);
    }
  } else {
    set.source = Source::page_cache;
    set.remarks.push_back(fmt::format(
        "which files the start opens was not told ({}): what lies in memory of the folders whose "
        "files it maps is taken for it",
        why_not_));
    paths = files_by_page_cache(processes);
  }
  if (paths.size() > k_most_files) {
    set.remarks.push_back(
        fmt::format("of {} files the first {} are taken", paths.size(), k_most_files));
    paths.resize(k_most_files);
  }
  const std::vector<FileParts> found = parts_in_memory(paths);
  const auto own_program = os::file_id(os::k_own_program);
  const auto began_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(began_.time_since_epoch()).count();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const FileState& state = found[i].state;
    const Group group = group_of(paths[i]);
    if (!state.is_there || state.is_memory || state.bytes == 0) continue;
    if (os::file_id(paths[i]) == own_program) continue;  // the guard is this program, too
    if (state.changed_ns >= began_ns && group != Group::caches) continue;  // written, not read
    const bool shows_in_memory = !found[i].in_memory.empty();
    if (set.source == Source::page_cache && !shows_in_memory) continue;
    set.files.push_back({paths[i], group, state.bytes, found[i].in_memory, state.changed_ns});
  }
  return set;
}

}  // namespace coldload::start_set
