#include "measure/rest_state.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/memory.h"
#include "os/proc.h"
#include "start_set/mapped_files.h"
#include "storage/file_systems.h"
#include "storage/mounts.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

using start_set::FileState;
using start_set::Group;

constexpr std::size_t k_most_named = 3;

bool is_of_checkpoint(Group group) { return group == Group::weights || group == Group::checkpoint; }

// What the first start of a node does not find is not there to be evicted.
bool is_left_out(Group group, TrialKind kind) {
  return is_of_checkpoint(group) || (kind == TrialKind::first && group == Group::caches);
}

// What is not told of one file is not told of all.
void add(std::optional<std::uint64_t> bytes, std::optional<std::uint64_t>* sum) {
  *sum = *sum && bytes ? std::optional(**sum + *bytes) : std::nullopt;
}

bool is_unseen(const FileState& state) { return state.is_there && !state.resident_bytes; }

// Of a look; nothing where it is not told. What has gone is not in memory.
std::optional<std::uint64_t> bytes_at(const std::vector<FileState>& look, std::size_t file) {
  if (look.empty()) return std::nullopt;
  return look[file].is_there ? look[file].resident_bytes : std::optional(std::uint64_t{0});
}

records::StartSetGroup empty_group(Group kind, const storage::Mount* mount) {
  records::StartSetGroup group;
  group.group = to_string(kind);
  group.resident_bytes_before = group.held_bytes = group.came_bytes = 0;
  if (mount == nullptr) return group;
  const storage::Reach reach = storage::file_system_of(*mount).reach;
  group.mount = mount->point;
  group.fs_type = mount->fs_type;
  group.is_network = reach == storage::Reach::network || reach == storage::Reach::stand_in;
  return group;
}

}  // namespace

RestState::RestState(const start_set::StartSet& set, TrialKind kind) : set_(set), kind_(kind) {
  for (std::size_t i = 0; i < set.files.size(); ++i) {
    if (is_left_out(set.files[i].group, kind)) continue;
    files_.push_back(i);
    paths_.push_back(set.files[i].path);
  }
  held_.resize(files_.size());  // not known
}

void RestState::attempt(const char* what, const std::function<void()>& step) {
  if (!problem_.empty()) return;
  try {
    step();
  } catch (const os::Error& error) {
    problem_ = fmt::format("the files that the start reads beside the weights could not be {}: {}",
                           what, error.what());
  }
}

void RestState::bring(ExperimentWatcher& watcher) {
  if (kind_ == TrialKind::node || kind_ == TrialKind::first) {
    watcher.step("evict", 0, 0);
    attempt("evicted", [this] { start_set::evict(paths_); });
    return;
  }
  std::vector<start_set::StartFile> wanted;
  std::uint64_t bytes = 0;
  for (const std::size_t file : files_) {
    wanted.push_back(set_.files[file]);
    for (const start_set::Range& range : wanted.back().in_memory) bytes += range.bytes;
  }
  const auto room = os::available_memory_bytes();
  if (room && *room < bytes + bytes / 4) {
    remarks_.push_back(
        fmt::format("the {} that the start reads beside the weights were not "
                    "brought into memory: too little is free",
                    text::format_bytes(bytes)));
    return;
  }
  watcher.step("warm", 0, 0);
  attempt("brought into memory", [&wanted] { start_set::read_parts(wanted); });
}

void RestState::look_before() {
  attempt("looked at", [this] { before_ = start_set::look_at(paths_); });
  const bool was_evicted = kind_ == TrialKind::node || kind_ == TrialKind::first;
  if (!was_evicted || !problem_.empty()) return;
  tell_held_apart();
  attempt("evicted", [this] { evict_again(); });
  remark_on_unseen();
}

// What is in memory though nobody maps it: the kernel passes over what it holds at that moment, and
// others start programs, too.
std::vector<std::size_t> RestState::leftovers() const {
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (before_[i].resident_bytes.value_or(0) > held_[i].value_or(0)) left.push_back(i);
  }
  return left;
}

void RestState::evict_again() {
  constexpr std::chrono::seconds k_patience{5};
  constexpr std::chrono::milliseconds k_pause{10};
  const os::TimePoint give_up = os::Clock::now() + k_patience;
  std::vector<std::size_t> left = leftovers();
  while (!left.empty() && os::Clock::now() < give_up && !os::interrupted()) {
    std::vector<std::string> paths;
    paths.reserve(left.size());
    for (const std::size_t file : left) paths.push_back(paths_[file]);
    if (!start_set::evict(paths).empty()) std::this_thread::sleep_for(k_pause);
    const std::vector<FileState> now = start_set::look_at(paths);
    for (std::size_t i = 0; i < left.size(); ++i) before_[left[i]] = now[i];
    left = leftovers();
  }
  if (!left.empty()) tell_held_apart();  // somebody may map it by now
}

// Where it is little, the verdict stands, and this with it.
void RestState::remark_on_unseen() {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  for (const FileState& state : before_) {
    if (!is_unseen(state)) continue;
    ++files;
    bytes += state.bytes;
  }
  if (files == 0) return;
  remarks_.push_back(
      fmt::format("of {} files ({}) that the start reads beside the weights the kernel does not "
                  "tell what is in memory",
                  files, text::format_bytes(bytes)));
}

void RestState::tell_held_apart() {
  held_.assign(files_.size(), 0);
  held_by_.clear();
  const auto mapped = start_set::MappedFiles::of_all();
  std::set<pid_t> named;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (is_unseen(before_[i])) held_[i].reset();
    if (before_[i].resident_bytes.value_or(0) == 0) continue;
    const auto process = mapped.mapped_by(paths_[i]);
    if (!process) continue;
    held_[i] = before_[i].resident_bytes;
    if (named.size() < k_most_named && named.insert(*process).second) {
      held_by_.push_back(*process == ::getpid() ? "coldload itself"
                                                : fmt::format("process {} ({})", *process,
                                                              os::program_name(*process)));
    }
  }
}

void RestState::look_after() {
  attempt("looked at", [this] { after_ = start_set::look_at(paths_); });
}

// Nothing where that is not told.
std::optional<std::uint64_t> RestState::came_bytes(std::size_t file) const {
  const auto before = bytes_at(before_, file);
  const auto after = bytes_at(after_, file);
  if (!before || !after) return std::nullopt;
  return *after > *before ? *after - *before : 0;
}

RestEvidence RestState::evidence() const {
  RestEvidence evidence;
  evidence.problem = problem_;
  evidence.files = files_.size();
  evidence.wants_no_caches = kind_ == TrialKind::first;
  if (before_.empty()) return evidence;
  std::uint64_t resident = 0;
  std::uint64_t came = 0;
  bool any_seen = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    evidence.bytes += before_[i].bytes;
    if (is_unseen(before_[i])) {
      evidence.unseen_bytes += before_[i].bytes;
      continue;
    }
    any_seen = true;
    const bool is_program = set_.files[files_[i]].group == Group::program;
    evidence.sees_program = evidence.sees_program || (is_program && before_[i].is_there);
    came += came_bytes(i).value_or(0);
    if (before_[i].resident_bytes.value_or(0) <= held_[i].value_or(0)) continue;
    resident += *before_[i].resident_bytes;
    if (evidence.leftovers.size() < k_most_named) evidence.leftovers.push_back(paths_[i]);
  }
  if (!any_seen) return evidence;
  evidence.resident_bytes_before = resident;
  if (!after_.empty()) evidence.came_bytes = came;
  return evidence;
}

records::StartSetFacts RestState::facts() const {
  records::StartSetFacts facts;
  facts.source = to_string(set_.source);
  facts.held_by = held_by_;
  const std::vector<storage::Mount> mounts = storage::current_mounts();
  std::map<std::pair<Group, std::uint64_t>, records::StartSetGroup> groups;  // by mount
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const start_set::StartFile& file = set_.files[files_[i]];
    const storage::Mount* const mount = storage::mount_of(mounts, file.path);
    const std::pair key(file.group, mount == nullptr ? 0 : mount->id);
    auto known = groups.find(key);
    if (known == groups.end()) known = groups.emplace(key, empty_group(file.group, mount)).first;
    records::StartSetGroup& group = known->second;
    ++group.files;
    group.bytes += file.bytes;
    const auto before = bytes_at(before_, i);
    add(before, &group.resident_bytes_before);
    add(held_.at(i), &group.held_bytes);
    add(came_bytes(i), &group.came_bytes);
  }
  for (auto& [key, group] : groups) facts.groups.push_back(std::move(group));
  return facts;
}

}  // namespace coldload::measure
