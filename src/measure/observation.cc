#include "measure/observation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "os/clock.h"

namespace coldload::measure {

namespace {

// Of one core. See measure/timeline.cc for what comes beside them.
constexpr double k_tree_share = 0.0035;
constexpr double k_search_share = 0.0015;
// It is evidence: on a machine with thousands of processes it may cost more than its share.
constexpr std::chrono::seconds k_longest_search_pause{2};
constexpr std::chrono::milliseconds k_second_look{250};
constexpr std::chrono::seconds k_openings_last{2};

}  // namespace

Observation::Observation(process::ProcessTree& tree, const std::vector<std::string>& weight_files,
                         std::set<pid_t> ignored, Timeline& timeline,
                         storage::AccessWatch& accesses)
    : tree_(tree),
      search_(weight_files),
      ignored_(std::move(ignored)),
      timeline_(timeline),
      accesses_(accesses),
      tree_cost_(k_tree_share),
      search_cost_(k_search_share, std::chrono::milliseconds(250), k_longest_search_pause),
      thread_(1, [this](unsigned) { run(); }) {}

Observation::~Observation() { stop(); }

void Observation::stop() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
  try {
    thread_.join();
  } catch (const std::exception& error) {  // out of descriptors or memory: finish() looks again
    observed_.gap = error.what();
  }
}

Observed Observation::finish() {
  stop();
  if (!looked_last_) look_last();
  return observed_;
}

void Observation::run() {
  os::TimePoint next_tick = os::Clock::now();
  std::unique_lock lock(mutex_);
  while (!finished_) {
    lock.unlock();
    const os::TimePoint now = os::Clock::now();
    look_at_openings(now);
    tree_cost_.look_if_due(now, [this] { look_at_tree(); });
    if (timeline_.due(now)) {
      timeline_.add(now, newest_ ? &*newest_ : nullptr);
      newest_.reset();
    }
    bool new_stranger = false;
    search_cost_.look_if_due(now, [&] { new_stranger = look_for_readers(); });
    if (new_stranger) search_cost_.hurry(now + k_second_look);
    next_tick = std::max(next_tick + Timeline::k_period, os::Clock::now());
    lock.lock();
    observed_.cpu_s = os::Seconds(os::thread_cpu_time()).count();
    wake_.wait_until(lock, next_tick, [this] { return finished_; });
  }
  lock.unlock();
  look_last();
}

// On the thread that made all other looks, while it lives: an ended thread's read calls would pass
// for the tree's.
void Observation::look_last() {
  const os::TimePoint now = os::Clock::now();
  accesses_.take();
  look_at_tree();
  timeline_.add(now, &*newest_, Timeline::Row::last);
  note(tree_.sample(process::ProcessTree::Look::anew).reads);
  (void)look_for_readers();
  looked_last_ = true;
}

// A server may look at the head of a file, read it with O_DIRECT in a moment, and close it.
void Observation::look_at_openings(os::TimePoint now) {
  constexpr int k_most_looks = 40;
  accesses_.take();
  if (accesses_.news() != news_of_files_) openings_until_ = now + k_openings_last;
  news_of_files_ = accesses_.news();
  if (now >= openings_until_ || looks_at_openings_ == k_most_looks) return;
  ++looks_at_openings_;
  search_cost_.hurry(now);
}

void Observation::look_at_tree() {
  newest_ = tree_.sample();
  note(newest_->reads);
}

void Observation::note(const process::StorageRead& reads) {
  if (reads.bytes) {
    observed_.target_bytes = std::max(observed_.target_bytes.value_or(0), *reads.bytes);
  }
  observed_.lost_children = observed_.lost_children || reads.lost_children;
}

bool Observation::look_for_readers() {
  std::set<pid_t> ours;
  for (const os::ProcessInfo& member : tree_.members()) ours.insert(member.pid);
  observed_.opened_directly.merge(search_.opened_directly(ours));
  ours.insert(ignored_.begin(), ignored_.end());
  const std::vector<storage::Holder> holders = search_.find(ours);
  if (holders.empty()) return false;
  // Those born meanwhile.
  for (const os::ProcessInfo& member : tree_.members()) ours.insert(member.pid);
  bool new_stranger = false;
  for (const storage::Holder& holder : holders) {
    if (ours.count(holder.pid) != 0) continue;
    // One that has ended meanwhile may have been the target's own, and one look can miss a process
    // whose parent has just ended: a stranger is who is there at two looks.
    const auto info = os::process_info(holder.pid);
    if (!info || info->state == 'Z' || info->state == 'X' || is_ignored(*info)) continue;
    const int looks = ++strangers_[holder.pid];
    new_stranger |= looks == 1;
    if (looks == 2) {
      observed_.foreign_readers.push_back(storage::describe(holder) + ": " + holder.path);
    }
  }
  return new_stranger;
}

bool Observation::is_ignored(os::ProcessInfo process) const {
  constexpr int k_most_ancestors = 1000;  // parents that change meanwhile make no circle of it
  for (int i = 0; !ignored_.empty() && i < k_most_ancestors; ++i) {
    if (ignored_.count(process.pid) != 0) return true;
    const auto parent = os::process_info(process.parent);
    if (!parent) return false;
    process = *parent;
  }
  return false;
}

}  // namespace coldload::measure
