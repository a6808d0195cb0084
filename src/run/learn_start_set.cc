#include "run/learn_start_set.h"

#include <chrono>
#include <exception>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "model/checkpoint.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "os/proc.h"
#include "run/copy_source.h"
#include "run/step_back.h"
#include "server/runtime_caches.h"
#include "start_set/learner.h"
#include "start_set/set_file.h"
#include "start_set/touched_pages.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

// Whatever of it is a checkpoint: a server may be started from what is none.
void add_roles(const std::string& path, const ReaderJob& job, start_set::Roles* roles) {
  try {
    const model::Checkpoint checkpoint =
        job.weights.empty() ? model::open_checkpoint_of_server(path, job.preferred_weights)
                            : model::open_checkpoint(path, job.weights);
    for (const model::CheckpointFile* shard : checkpoint.shards()) {
      roles->weights.insert(shard->real_path);
    }
    for (const std::string& file : checkpoint.real_paths()) {
      if (roles->weights.count(file) == 0) roles->checkpoint.insert(file);
    }
  } catch (const std::exception&) {
    return;
  }
}

start_set::Roles roles_of(const ReaderJob& job) {
  start_set::Roles roles;
  roles.cache_folders = server::cache_folders({});
  add_roles(job.path, job, &roles);
  if (!job.copy.empty()) add_roles(served_in_copy(job.path, job.copy), job, &roles);
  return roles;
}

std::set<pid_t> descendants_of(pid_t process) {
  std::set<pid_t> found;
  for (const os::ProcessInfo& info : os::descendants(process)) found.insert(info.pid);
  return found;
}

ReaderNews write_start_set(const std::string& path, const start_set::StartSet& set) {
  if (set.files.empty()) {
    return {Kind::set_not_learned, fmt::format("nothing of what the start read is seen: {}",
                                               fmt::join(set.remarks, "; "))};
  }
  if (::access(path.c_str(), F_OK) == 0) {
    return {Kind::set_not_learned, path + " is there by now, and is left alone"};
  }
  os::replace_text(path, start_set::to_text(set));
  ReaderNews news{Kind::set_learned, fmt::format("{}", fmt::join(set.remarks, "; "))};
  news.files = set.files.size();
  for (const start_set::StartFile& file : set.files) {
    for (const start_set::Range& range : file.in_memory) news.bytes += range.bytes;
  }
  return news;
}

}  // namespace

void learn_start_set(const ReaderJob& job, const NewsPipe& listener) {
  constexpr std::chrono::milliseconds k_tick{50};
  try {
    const pid_t starter = ::getppid();
    start_set::Roles roles = roles_of(job);
    const std::set<pid_t> before = descendants_of(starter);
    start_set::Learner learner(std::move(roles), starter);
    listener.tell({Kind::set_watched});
    while (!os::interrupted()) {
      if (!listener.is_heard()) return;
      std::this_thread::sleep_for(k_tick);
    }
    step_back();
    std::vector<pid_t> processes;
    for (const pid_t process : descendants_of(starter)) {
      if (before.count(process) == 0) processes.push_back(process);
    }
    start_set::StartSet set = learner.finish(processes);
    start_set::keep_what_is_touched(processes, &set);
    listener.tell(write_start_set(job.start_set, set));
  } catch (const std::exception& error) {
    listener.tell({Kind::set_not_learned, error.what()});
  }
}

}  // namespace coldload::run
