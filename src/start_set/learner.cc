#include "start_set/learner.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/path.h"
#include "os/proc.h"
#include "os/subprocess.h"
#include "start_set/many_files.h"
#include "start_set/mapped_folders.h"
#include "start_set/named_folders.h"
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

// Files are stamped by a clock that ticks some hundred times a second: by any other, what is
// written just after now would seem older.
std::int64_t file_time_ns() {
  constexpr std::int64_t k_ns_per_s = 1'000'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * k_ns_per_s + now.tv_nsec;
}

// Python writes what it compiled as NAME.pyc.NUMBER and renames it: the next start reads NAME.pyc.
std::string final_name(std::string path) {
  const std::size_t number = path.find_last_not_of("0123456789") + 1;
  const std::string_view before = std::string_view(path).substr(0, number);
  if (number < path.size() && before.ends_with(".pyc.")) path.resize(number - 1);
  return path;
}

// Looks at files, in a thread that a mount that hangs may keep.
template <typename Answer>
Answer asked(const std::function<Answer()>& question) {
  const auto answer = std::make_shared<Answer>();
  storage::run_watched(
      1, os::Clock::now() + k_walk_patience,
      [answer, question](unsigned, storage::PendingCall&) { *answer = question(); });
  return std::move(*answer);
}

}  // namespace

Learner::Learner(Roles roles, pid_t ancestor)
    : roles_(std::move(roles)), began_ns_(file_time_ns()) {
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
  return programs_.count(path) != 0 ? Group::program : start_set::group_of(path);
}

void Learner::add(std::vector<std::string> paths, How how, std::vector<Candidate>* found) {
  for (std::string& path : paths) found->push_back({std::move(path), how});
}

// What a start writes to its caches is mostly opened by another name, and renamed.
void Learner::add_caches(std::vector<Candidate>* found) const {
  std::vector<Folder> folders;
  for (const std::string& folder : roles_.cache_folders) {
    folders.push_back({folder, Taken::all_below});
  }
  add(asked<std::vector<std::string>>([folders] { return files_in(folders, k_most_files); }),
      How::cached, found);
}

std::vector<Learner::Candidate> Learner::by_page_cache(const std::vector<pid_t>& processes) const {
  std::vector<std::string> held = files_held_by(processes);
  std::vector<Folder> folders;
  for (const std::string& file : held) {
    const auto folder = folder_of(file);
    if (!folder || group_of(file) != Group::program) continue;
    if (std::find(folders.begin(), folders.end(), *folder) == folders.end()) {
      folders.push_back(*folder);
    }
  }
  std::vector<ProcessWords> words;
  words.reserve(processes.size());
  for (const pid_t process : processes) words.push_back(words_of(process));
  std::vector<std::string> beside = asked<std::vector<std::string>>([words, folders] {
    Named all{{}, folders};
    for (const ProcessWords& one : words) add_named_by(one, &all);
    std::vector<std::string> files = files_in(all.folders, k_most_files);
    files.insert(files.end(), all.files.begin(), all.files.end());
    return files;
  });
  std::vector<Candidate> found;
  add(std::move(held), How::held, &found);
  add(all_of(roles_), How::beside, &found);
  add(std::move(beside), How::beside, &found);
  return found;
}

std::vector<Learner::Candidate> Learner::candidates(const std::vector<pid_t>& processes,
                                                    StartSet* set) {
  if (!watch_) {
    set->source = Source::page_cache;
    set->remarks.push_back(fmt::format(
        "which files the start opens was not told ({}): what it maps is taken for them, and what "
        "lies in memory of the folders of its code",
        why_not_));
    return by_page_cache(processes);
  }
  Opened opened = watch_->finish();
  if (!opened.missed.empty()) {
    set->remarks.push_back(
        fmt::format("some openings were not seen: {}", fmt::join(opened.missed, ", ")));
  }
  std::vector<Candidate> found;
  for (std::string& file : opened.files) {
    found.push_back({final_name(std::move(file)), How::opened});
  }
  return found;
}

// Whether the next start reads it, too.
bool Learner::is_of_start(const Candidate& candidate, Group group, const FileParts& found) const {
  const FileState& state = found.state;
  if (!state.is_there || state.is_memory || state.bytes == 0) return false;
  const bool was_written = state.changed_ns >= began_ns_;
  if (was_written && group != Group::caches && group != Group::program) return false;
  const bool shows_in_memory = !found.in_memory.empty();
  if (candidate.how == How::opened) return true;
  if (candidate.how == How::cached) return was_written || (!watch_ && shows_in_memory);
  // Where the kernel does not tell what it has of a file, that it is mapped does.
  return shows_in_memory || (candidate.how == How::held && !state.resident_bytes);
}

StartSet Learner::finish(const std::vector<pid_t>& processes) {
  StartSet set;
  const std::vector<std::string> programs = programs_of(processes);
  programs_.insert(programs.begin(), programs.end());
  std::vector<Candidate> wanted = candidates(processes, &set);
  add_caches(&wanted);
  if (wanted.size() > k_most_files) {
    set.remarks.push_back(
        fmt::format("of {} files the first {} are taken", wanted.size(), k_most_files));
    wanted.resize(k_most_files);
  }
  std::vector<std::string> paths;
  paths.reserve(wanted.size());
  for (const Candidate& candidate : wanted) paths.push_back(candidate.path);
  const std::vector<FileParts> found = parts_in_memory(paths);
  std::set<os::FileId> taken;
  // The guard is this program, too.
  if (const auto own = os::file_id(os::k_own_program)) taken.insert(*own);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Group group = group_of(paths[i]);
    if (!is_of_start(wanted[i], group, found[i])) continue;
    if (!taken.insert(found[i].state.id).second) continue;
    const FileState& state = found[i].state;
    set.files.push_back({paths[i], group, state.bytes, found[i].in_memory, state.changed_ns});
  }
  if (set.source == Source::page_cache) {
    std::sort(set.files.begin(), set.files.end(),
              [](const StartFile& a, const StartFile& b) { return a.path < b.path; });
  }
  return set;
}

}  // namespace coldload::start_set
